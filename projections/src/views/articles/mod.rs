//! The knowledge base in use: which articles solve what they are used for, and what has no article.

use letopis_core::code::{Code, Label};
use letopis_core::definitions::Definition;
use letopis_core::events::article::{Published, Retired};
use letopis_core::events::{ArticleEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{CaseId, EmployeeId, EventId};
use letopis_core::time::{Day, Timestamp};
use serde::Serialize;

use crate::engine::list::{Condition, Page};
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{About, Answer, Param, Params, Question, json};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Cell, cell};
use crate::row;
use crate::views::loyalty::ratio::Ratio;

/// What can be asked about articles.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "articles best",
        path: "/v1/articles/best",
        view: Articles::NAME,
        doc: "Articles by the share of uses in a period that solved the matter; those of few uses come last, unranked.",
        params: &[Param::Period, Param::Page, Param::Text("topic", "About this topic")],
        about: About::Totals(best),
    },
    Question {
        name: "articles gaps",
        path: "/v1/articles/gaps",
        view: Articles::NAME,
        doc: "Topics of cases raised in a period: how many no article solved, and how many articles are about them.",
        params: &[Param::Period, Param::Page],
        about: About::Rows(gaps),
    },
];

row! {
    /// A use of an article: one event.
    pub struct ArticleUseRow in "article_use", index ["day, article", "case_id"] {
        /// The event.
        key event: EventId,
        owner client,
        /// When.
        occurred_at: Timestamp,
        /// The local day of that.
        day: Day,
        /// The article.
        article: Option<Code>,
        /// The version of it.
        version: Option<u32>,
        /// Whether it solved the matter.
        solved: bool,
        /// The case it was used in.
        case_id: Option<CaseId>,
        /// Who used it.
        employee: Option<EmployeeId>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Articles;

impl Projection for Articles {
    const NAME: &'static str = "articles";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["article"];
    const PER_EVENT: bool = true;
    type Row = ArticleUseRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Article(ArticleEvent::Used(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut ArticleUseRow, fact: &Fact, cx: &Context<'_>) {
        let Event::Article(ArticleEvent::Used(e)) = &fact.event else { return };
        row.occurred_at = fact.occurred.at;
        row.day = cx.zone.day(fact.occurred.at);
        row.article = Some(e.article.clone());
        (row.version, row.solved, row.case_id, row.employee) = (e.version, e.solved, e.case, e.employee);
    }
}

/// An article and how it served.
#[derive(Debug, Serialize)]
struct Served {
    article: Code,
    /// `article:code@version` as it counts at the bound; null when it was never published.
    name: Option<String>,
    label: Option<Label>,
    topics: Vec<Code>,
    retired: bool,
    /// Solved of used.
    solved: Ratio,
}

fn best(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let topic: Option<Code> = params.one("topic")?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("articles best {from} {to} {topic:?} {}", reader.day());
    let mut select = reader.conn.prepare_cached(
        "SELECT article, SUM(solved), COUNT(*) FROM article_use WHERE day >= ?1 AND day < ?2 AND occurred_at < ?3 \
         AND article IS NOT NULL GROUP BY article",
    )?;
    let rows = select.query_map((from.put(), to.put(), reader.now.put()), |row| {
        Ok((cell::<Code>(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let definitions = reader.definitions(&[Published::KIND])?;
    let mut found = Vec::new();
    for row in rows {
        let (article, solved, used) = row?;
        let published = definitions.latest::<Published>(article.as_str());
        let topics = published.map(|dated| dated.value.topics.clone()).unwrap_or_default();
        if topic.as_ref().is_some_and(|topic| !topics.contains(topic)) {
            continue;
        }
        let end = definitions.latest::<Retired>(article.as_str());
        found.push(Served {
            name: published.map(|dated| dated.name()),
            label: published.map(|dated| dated.value.label.clone()),
            retired: end.is_some_and(|end| published.is_none_or(|dated| end.from >= dated.from)),
            topics,
            solved: Ratio::new(solved, used),
            article,
        });
    }
    // Shares are compared as fractions, so that the order is the same on every machine.
    found.sort_by(|a, b| {
        let (left, right) = (a.solved, b.solved);
        let share = (right.numerator * left.denominator).cmp(&(left.numerator * right.denominator));
        left.small
            .cmp(&right.small)
            .then(share)
            .then(right.denominator.cmp(&left.denominator))
            .then(a.article.cmp(&b.article))
    });
    if let Some([Atom::Text(last)]) = window.place(&shape, 1)?.as_deref() {
        let after = found.iter().position(|served| served.article.as_str() == &**last).map_or(found.len(), |at| at + 1);
        found.drain(..after);
    }
    found.truncate(limit + 1);
    json(Page::cut(found, limit, &shape, |served| vec![served.article.put()]))
}

/// A topic of cases.
#[derive(Debug, Serialize)]
struct Gap {
    /// Null for cases without one.
    topic: Option<Code>,
    /// Cases raised in the period.
    cases: i64,
    /// Of them, those that some article solved.
    solved: i64,
    /// The others.
    unsolved: i64,
    /// Articles about the topic that count at the bound.
    articles: usize,
}

fn gaps(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = params.period(reader)?;
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("articles gaps {from} {to}");
    let mut condition = Condition::default();
    condition.and("raised_at >= ? AND raised_at < ?", [reader.zone.start(from).put(), reader.zone.start(to).put()]);
    let solved = "EXISTS (SELECT 1 FROM article_use u WHERE u.case_id = client_case.case_id AND u.solved)";
    let place = window.place(&shape, 2)?;
    let inner = format!(
        "SELECT topic, COUNT(*) AS cases, SUM({solved}) AS solved FROM client_case {}",
        condition.sql("GROUP BY topic")
    );
    let mut outer = Condition::default();
    if let Some(place) = place {
        outer.and("(solved - cases, coalesce(topic, '')) > (?, ?)", place);
    }
    let sql = format!(
        "SELECT topic, cases, solved FROM ({inner}) {}",
        outer.sql(&format!("ORDER BY solved - cases, coalesce(topic, '') LIMIT {wanted}"))
    );
    let values: Vec<&dyn rusqlite::ToSql> = condition.values().into_iter().chain(outer.values()).collect();
    let mut select = reader.conn.prepare_cached(&sql)?;
    let rows = select.query_map(values.as_slice(), |row| {
        Ok((cell::<Option<Code>>(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let definitions = reader.definitions(&[Published::KIND])?;
    let articles = definitions.all::<Published>();
    let about = |topic: &Option<Code>| {
        let Some(topic) = topic else { return 0 };
        let counts = |dated: &&letopis_core::definitions::Dated<'_, Published>| {
            let retired = definitions.latest::<Retired>(dated.code).is_some_and(|end| end.from >= dated.from);
            dated.value.topics.contains(topic) && !retired
        };
        articles.iter().filter(counts).count()
    };
    let mut found = Vec::new();
    for row in rows {
        let (topic, cases, solved) = row?;
        found.push(Gap { articles: about(&topic), topic, cases, solved, unsolved: cases - solved });
    }
    json(Page::cut(found, limit, &shape, |gap| {
        let topic = gap.topic.as_ref().map_or("", Code::as_str);
        vec![Atom::Int(-gap.unsolved), Atom::Text(topic.into())]
    }))
}
