//! Touches of campaigns: what was sent to a client and how he took it.

use crate::code::Code;

area! {
    /// Campaign touches.
    CampaignEvent in Campaign "campaign";

    /// Something was sent to the client, or he was called, for a campaign.
    event Sent = "touch.sent" @ 1 {
        /// The campaign.
        campaign: Code,
        /// How: `email`, `phone`, `post` …
        channel: Code,
        /// The purpose for which consent is asked, such as `marketing`.
        purpose: Code,
    } optional {
        /// Which touch of this campaign it is for the client, from 1.
        ordinal: u32,
    } personal {
        /// What was sent.
        text: String,
    }

    /// The client answered.
    event Answered = "touch.answered" @ 1 {
        /// The campaign.
        campaign: Code,
        /// How: `accepted`, `later`, `failure` …
        outcome: Code,
    } optional {
        /// Over which channel.
        channel: Code,
    } personal {
        /// In his words.
        text: String,
    }

    /// The client does not want to hear of it.
    event Refused = "touch.refused" @ 1 {
        /// The campaign.
        campaign: Code,
    } optional {
        /// Over which channel.
        channel: Code,
        /// Why.
        reason: Code,
    } personal {
        /// In his words.
        text: String,
    }
}
