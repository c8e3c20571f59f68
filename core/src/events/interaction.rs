//! Contacts with the client: calls, visits, letters, meetings, the web; what was done with each.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::ids::{CaseId, DealId, EmployeeId, EventId, MeetingId, OrderId};
use crate::time::{Day, Moment};

/// Who began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The client came to us.
    In,
    /// We went to the client.
    Out,
}

/// How a letter travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterMedia {
    /// Paper.
    Post,
    /// Fax.
    Fax,
    /// Electronic mail.
    Email,
}

area! {
    /// Contacts with the client.
    InteractionEvent in Interaction "interaction";

    /// A phone or video call took place.
    event CallLogged = "call.logged" @ 1 {
        /// Who called.
        direction: Direction,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Length in seconds.
        duration_s: u32,
        /// `phone` when not given; `cellular`, `video` …
        channel: Code,
        /// Who of us spoke.
        employee: EmployeeId,
        /// How it ended, such as `no-answer`.
        outcome: Code,
        /// The campaign it belongs to.
        campaign: Code,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// The number on the other side.
        number: String,
        /// What was said.
        summary: String,
    }

    /// The client came to us, or we to him.
    event VisitLogged = "visit.logged" @ 1 {
        /// Who went to whom.
        direction: Direction,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Where: `showroom`, `client-site`, a shop's code …
        place: Code,
        /// Length in seconds.
        duration_s: u32,
        /// Who of us was there.
        employee: EmployeeId,
        /// How it ended.
        outcome: Code,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// What was said.
        summary: String,
    }

    /// A letter, fax or e-mail was received or sent.
    event LetterLogged = "letter.logged" @ 1 {
        /// Who wrote.
        direction: Direction,
        /// How it travelled.
        media: LetterMedia,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Who of us wrote or read.
        employee: EmployeeId,
        /// The letter that this one answers.
        answers: EventId,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// Registration number.
        number: String,
        /// Subject line.
        subject: String,
        /// Text.
        text: String,
    }

    /// A request came through a form of the site or an app.
    event WebRequestLogged = "web_request.logged" @ 1 {
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Which form or page.
        page: Code,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// What was written.
        text: String,
    }

    /// A chat took place.
    event ChatLogged = "chat.logged" @ 1 {
        /// Who began.
        direction: Direction,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Which messenger or site.
        channel: Code,
        /// Who of us wrote.
        employee: EmployeeId,
        /// Length in seconds.
        duration_s: u32,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// What was written.
        text: String,
    }

    /// A meeting was agreed.
    event MeetingScheduled = "meeting.scheduled" @ 1 {
        /// The meeting.
        meeting: MeetingId,
        /// When it is to begin.
        starts_at: Moment,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// When it is to end.
        ends_at: Moment,
        /// Who of us will be there.
        employee: EmployeeId,
        /// The deal it belongs to.
        deal: DealId,
        /// The case it belongs to.
        case: CaseId,
    } personal {
        /// What it is called.
        title: String,
        /// Where.
        place: String,
    }

    /// A meeting was moved to another time.
    event MeetingRescheduled = "meeting.rescheduled" @ 1 {
        /// The meeting.
        meeting: MeetingId,
        /// When it is to begin now.
        starts_at: Moment,
    } optional {
        /// When it is to end now.
        ends_at: Moment,
    } personal {
        /// Why.
        reason: String,
    }

    /// A meeting took place.
    event MeetingHeld = "meeting.held" @ 1 {
        /// The meeting.
        meeting: MeetingId,
        /// What it was about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
    } optional {
        /// Length in seconds.
        duration_s: u32,
        /// Who of us was there.
        employee: EmployeeId,
        /// How it ended.
        outcome: Code,
    } personal {
        /// What was said.
        summary: String,
    }

    /// Nobody came.
    event MeetingMissed = "meeting.missed" @ 1 {
        /// The meeting.
        meeting: MeetingId,
    } personal {
        /// Why.
        reason: String,
    }

    /// A meeting was called off.
    event MeetingCancelled = "meeting.cancelled" @ 1 {
        /// The meeting.
        meeting: MeetingId,
    } personal {
        /// Why.
        reason: String,
    }

    /// Something was done with a contact: it is off the list of what waits.
    event InteractionHandled = "interaction.handled" @ 1 {
        /// The contact.
        interaction: EventId,
        /// What came of it.
        outcome: Code,
    } optional {
        /// Who did it.
        employee: EmployeeId,
        /// When to come back to it.
        follow_up_on: Day,
    } personal {
        /// What was done.
        note: String,
    }

    /// A document was put beside a contact, case, deal or order; its content is addressed by hash.
    event DocumentAttached = "document.attached" @ 1 {
        /// SHA-256 of the content, 64 hexadecimal digits.
        sha256: Code,
        /// Media type, such as `application/pdf`.
        media_type: Code,
        /// Size in bytes.
        size: u64,
    } optional {
        /// The contact it belongs to.
        interaction: EventId,
        /// The case it belongs to.
        case: CaseId,
        /// The deal it belongs to.
        deal: DealId,
        /// The order it belongs to.
        order: OrderId,
    } personal {
        /// File name.
        file_name: String,
    }
}
