//! The words of the pages. A language is one value of [`Texts`], so it is complete or does not compile.

pub(super) mod de;
pub(super) mod en;

/// All words of the pages in one language. A text with a gap is a function of what fills it.
pub(super) struct Texts {
    pub(super) skip_to_content: &'static str,
    /// Stands where the name of the authority stands on a page that belongs to none.
    pub(super) checkout: &'static str,
    pub(super) test_banner: &'static str,
    pub(super) footer_label: &'static str,
    pub(super) imprint: &'static str,
    pub(super) privacy: &'static str,
    pub(super) accessibility: &'static str,

    pub(super) bill: BillTexts,
    pub(super) pay: PayTexts,
    pub(super) cancel: CancelTexts,
    pub(super) standing: StandingTexts,
    pub(super) receipt: ReceiptTexts,
    pub(super) failure: FailureTexts,
    pub(super) method: MethodTexts,
}

/// What is charged, and by whom.
pub(super) struct BillTexts {
    pub(super) heading: &'static str,
    pub(super) lines: &'static str,
    pub(super) line: &'static str,
    pub(super) quantity: &'static str,
    pub(super) amount: &'static str,
    pub(super) total: &'static str,
    pub(super) unit_amount: fn(&str) -> String,
    /// Rate and amount of the tax that a line contains.
    pub(super) tax_included: fn(&str, &str) -> String,
    pub(super) unnamed_line: &'static str,
    pub(super) authority: &'static str,
    pub(super) service: &'static str,
    pub(super) kassenzeichen: &'static str,
    pub(super) pay_until: &'static str,
    pub(super) contact_heading: &'static str,
    pub(super) contact_lead: &'static str,
    pub(super) telephone: &'static str,
    pub(super) hours: &'static str,
}

/// Choosing how to pay.
pub(super) struct PayTexts {
    pub(super) title: fn(&str) -> String,
    pub(super) heading: &'static str,
    pub(super) methods: &'static str,
    pub(super) methods_hint: &'static str,
    pub(super) no_method: &'static str,
    pub(super) cancel: &'static str,
    pub(super) declined: &'static str,
    /// What to do after a refusal, where there is one method.
    pub(super) declined_again: &'static str,
    /// What to do after a refusal, where there are several.
    pub(super) declined_other: &'static str,
    pub(super) declined_title: &'static str,
    pub(super) continue_title: &'static str,
    pub(super) continue_heading: &'static str,
    pub(super) continue_lead: &'static str,
    pub(super) continue_link: fn(&str) -> String,
    pub(super) other_methods: &'static str,
    pub(super) other_methods_hint: &'static str,
    pub(super) problem: &'static str,
    pub(super) unknown_method: &'static str,
    pub(super) broken_form: &'static str,
    pub(super) provider_unavailable: &'static str,
    pub(super) busy: &'static str,
    pub(super) too_many_tries: &'static str,
}

/// Giving up.
pub(super) struct CancelTexts {
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    pub(super) lead: &'static str,
    pub(super) confirm: &'static str,
    pub(super) go_back: &'static str,
}

/// What happened, and what is to be done.
pub(super) struct StandingTexts {
    pub(super) closing: Outcome,
    pub(super) pending: Outcome,
    pub(super) held: Outcome,
    pub(super) checking: Outcome,
    pub(super) paid: Outcome,
    pub(super) reversed: Outcome,
    pub(super) cancelled: Outcome,
    pub(super) expired: Outcome,
    pub(super) failed: Outcome,
    pub(super) checking_until: fn(&str) -> String,
    /// What to expect of a payment that needs the citizen once more: it stands in place of the lead of `paid`.
    pub(super) paid_lead_disputed: &'static str,
    /// The amount that went back, and the amount that was paid.
    pub(super) refunded: fn(&str, &str) -> String,
    pub(super) refunded_whole: fn(&str) -> String,
    pub(super) charged_back: fn(&str) -> String,
    pub(super) surplus: fn(&str) -> String,
    pub(super) look_again: &'static str,
    pub(super) receipt_link: &'static str,
    /// Stands before the name of the portal.
    pub(super) back_to: &'static str,
}

/// A standing in words.
pub(super) struct Outcome {
    /// Begins the title of the page.
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    pub(super) lead: &'static str,
}

/// The receipt.
pub(super) struct ReceiptTexts {
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    /// Follows the name of the authority; filled by the amount.
    pub(super) has_received: fn(&str) -> String,
    pub(super) paid_at: &'static str,
    pub(super) paid_with: &'static str,
    pub(super) amount: &'static str,
    pub(super) refund: fn(&str) -> String,
    pub(super) charged_back: &'static str,
    pub(super) remaining: &'static str,
    pub(super) number: &'static str,
    pub(super) hint: &'static str,
    pub(super) back: &'static str,
}

/// Pages about what cannot be shown or done.
pub(super) struct FailureTexts {
    pub(super) not_found: Outcome,
    pub(super) not_found_advice: Advice,
    pub(super) foreign: Outcome,
    pub(super) too_large: Outcome,
    pub(super) internal: Outcome,
}

/// What may be the cause of something, and what to do then.
pub(super) struct Advice {
    pub(super) causes_heading: &'static str,
    pub(super) causes: [&'static str; 2],
    pub(super) steps_heading: &'static str,
    pub(super) steps: [&'static str; 2],
}

/// The methods.
pub(super) struct MethodTexts {
    pub(super) card: &'static str,
    pub(super) paypal: &'static str,
    pub(super) google_pay: &'static str,
    pub(super) apple_pay: &'static str,
}
