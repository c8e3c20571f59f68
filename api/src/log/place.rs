//! Where a tile stands, as it is written in a path.

use super::FULL;

/// Index and width of a tile; `None` for whatever is not written in the one way.
pub(super) fn parse(path: &str) -> Option<(u64, usize)> {
    let (index, width) = match path.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..FULL).contains(width))?),
        None => (path, FULL),
    };
    let mut number: u64 = 0;
    for group in index.split('/') {
        let digits = group.trim_start_matches('x');
        number = number.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    (write(number, width) == path).then_some((number, width))
}

/// The path of a tile.
pub(super) fn write(index: u64, width: usize) -> String {
    let mut text = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    if width == FULL { text } else { format!("{text}.p/{width}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_in_one_way_only() {
        assert_eq!(write(1_234_067, FULL), "x001/x234/067");
        assert_eq!(write(5, 12), "005.p/12");
        for index in [0, 1, 999, 1_000, 999_999, 1_000_000, 1_234_067, u64::MAX] {
            for width in [1, 255, 256] {
                assert_eq!(parse(&write(index, width)), Some((index, width)));
            }
        }
        let bad = ["", "5", "0005", "x000/005", "001/234", "xx001/234", "x001/x234", "005.p/0", "005.p/256"];
        for bad in bad.into_iter().chain(["005.p/012", "005.p/", "+05", "-05", "005/", "/005", "x", "005.p/1.p/1"]) {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&"x999/".repeat(9)), None, "beyond all trees");
    }
}
