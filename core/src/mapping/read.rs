//! Tables as they lie on disk: delimited text, gzip or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, ReaderBuilder, StringRecord};
use flate2::bufread::MultiGzDecoder;

use super::error::MappingError;
use super::{Files, Input};

/// The rows of one file.
pub(super) struct Table {
    path: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    /// The names of its columns.
    pub(super) header: Arc<[String]>,
    /// Where in a record the columns stand that the input uses.
    pub(super) positions: Vec<usize>,
    buffer: ByteRecord,
}

/// One row as read.
pub(super) enum Line {
    Good(StringRecord),
    /// Not fit to be mapped, and why; what could be read of it.
    Bad(Vec<String>, String),
}

impl Table {
    pub(super) fn open(path: &Path, input: &Input, bytes: &Arc<AtomicU64>) -> Result<Self, MappingError> {
        let at = |source| MappingError::Read { path: path.to_owned(), source };
        let file = Counted { file: File::open(path).map_err(at)?, bytes: Arc::clone(bytes) };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let gzip = file.fill_buf().map_err(at)?.starts_with(&[0x1f, 0x8b]);
        let plain: Box<dyn Read> = if gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = ReaderBuilder::new().delimiter(input.delimiter).flexible(true).from_reader(plain);
        let header = reader.byte_headers().map_err(|error| at(error.into()))?;
        let text = |(i, name): (usize, &[u8])| {
            let name = String::from_utf8_lossy(name).trim().to_owned();
            if i == 0 { name.trim_start_matches('\u{feff}').trim_matches('"').to_owned() } else { name }
        };
        let header: Arc<[String]> = header.iter().enumerate().map(text).collect();
        let position = |column: &String| {
            header.iter().position(|name| name == column).ok_or_else(|| MappingError::Column {
                path: path.to_owned(),
                input: input.name.to_string(),
                column: column.clone(),
                have: header.join(", "),
            })
        };
        let positions = input.columns.iter().map(position).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), reader, header, positions, buffer: ByteRecord::new() })
    }

    pub(super) fn next(&mut self) -> Result<Option<Line>, MappingError> {
        let more = self.reader.read_byte_record(&mut self.buffer);
        let more = more.map_err(|error| MappingError::Read { path: self.path.clone(), source: error.into() })?;
        if !more {
            return Ok(None);
        }
        let lossy = |record: &ByteRecord| {
            record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect::<Vec<_>>()
        };
        if self.buffer.len() != self.header.len() {
            let reason = format!("has {} fields where the header has {}", self.buffer.len(), self.header.len());
            return Ok(Some(Line::Bad(lossy(&self.buffer), reason)));
        }
        Ok(Some(match StringRecord::from_byte_record(self.buffer.clone()) {
            Ok(record) => Line::Good(record),
            Err(_) => Line::Bad(lossy(&self.buffer), "is not UTF-8".to_owned()),
        }))
    }
}

/// Where the files of an input lie: as named for this run, else in the folder, as declared or with `.gz`.
pub(super) fn locate(files: &Files, input: &Input) -> Result<Vec<PathBuf>, MappingError> {
    if let Some(paths) = files.named.get(&*input.name) {
        return Ok(paths.clone());
    }
    let find = |name: &String| {
        let path = files.dir.join(name);
        let packed = files.dir.join(format!("{name}.gz"));
        match (path.is_file(), packed.is_file()) {
            (true, _) => Ok(path),
            (false, true) => Ok(packed),
            (false, false) => Err(MappingError::Missing { input: input.name.to_string(), path }),
        }
    };
    input.files.iter().map(find).collect()
}

/// Counts what was read of the file itself, packed or not.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
