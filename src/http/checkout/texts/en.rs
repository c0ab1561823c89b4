//! English.

use super::{
    Advice, BillTexts, CancelTexts, FailureTexts, MethodTexts, Outcome, PayTexts, ReceiptTexts, StandingTexts, Texts,
};

pub(in crate::http::checkout) static TEXTS: Texts = Texts {
    skip_to_content: "Skip to content",
    checkout: "Online payment",
    test_banner: "Test system: no real money is moved here.",
    footer_label: "Legal information",
    imprint: "Imprint",
    privacy: "Privacy",
    accessibility: "Accessibility",
    bill: BILL,
    pay: PAY,
    cancel: CANCEL,
    standing: STANDING,
    receipt: RECEIPT,
    failure: FAILURE,
    method: MethodTexts {
        card: "Credit or debit card",
        paypal: "PayPal",
        google_pay: "Google Pay",
        apple_pay: "Apple Pay",
    },
};

const BILL: BillTexts = BillTexts {
    heading: "About this payment",
    lines: "What is charged",
    line: "Item",
    quantity: "Quantity",
    amount: "Amount",
    total: "Total",
    unit_amount: |amount| format!("{amount} each"),
    tax_included: |rate, amount| format!("includes {rate}% VAT: {amount}"),
    unnamed_line: "Fee",
    authority: "Authority",
    service: "Service",
    kassenzeichen: "Payment reference (Kassenzeichen)",
    pay_until: "Pay by",
    contact_heading: "Questions about this payment?",
    contact_lead: "Please have the payment reference ready.",
    telephone: "Telephone",
    hours: "Opening hours",
};

const PAY: PayTexts = PayTexts {
    title: |amount| format!("To pay: {amount}"),
    heading: "Pay a fee",
    methods: "How would you like to pay?",
    methods_hint: "You will go to the secure page of the payment provider and come back here afterwards.",
    no_method: "No payment method is available for this payment at the moment. Please try again later or call us.",
    cancel: "Cancel this payment",
    declined: "The last try was declined. Nothing was charged.",
    declined_again: "You can try again.",
    declined_other: "You can try again, or choose another way to pay.",
    declined_title: "Declined",
    continue_title: "Not paid yet",
    continue_heading: "Continue your payment",
    continue_lead: "You have begun to pay, but have not finished. Nothing has been charged so far.",
    continue_link: |method| format!("Continue at the payment provider: {method}"),
    other_methods: "Or pay another way",
    other_methods_hint: "If you choose another way, we first close what you have begun, so that you do not pay twice.",
    problem: "That did not work",
    unknown_method: "This payment method is not available here. Please choose one of those offered.",
    broken_form: "We could not read what you sent. Please choose a payment method again.",
    provider_unavailable: "Sorry, the payment provider cannot be reached right now. Nothing was charged. Please try again \
                           in a few minutes.",
    busy: "Sorry, too much is going on at once. Please try again.",
    too_many_tries: "There were too many tries for this payment. Nothing was charged. Please call us.",
};

const CANCEL: CancelTexts = CancelTexts {
    title: "Cancel this payment?",
    heading: "Do you really want to cancel this payment?",
    lead: "You cannot continue it afterwards. If you still want the service, start again where you came from.",
    confirm: "Yes, cancel the payment",
    go_back: "No, back to the payment",
};

const STANDING: StandingTexts = StandingTexts {
    closing: Outcome {
        title: "Being checked",
        heading: "One moment, please",
        lead: "We are asking the payment provider what became of the try that was begun. Please do not pay again now. Look \
               again in a minute or two.",
    },
    pending: Outcome {
        title: "Being processed",
        heading: "Your payment is being processed",
        lead: "The payment provider is still working on your payment. Please do not pay again. You can close this page: the \
               authority will learn the result without you.",
    },
    held: Outcome {
        title: "Reserved",
        heading: "Your payment is reserved",
        lead: "The amount is reserved for the authority. It will be taken as soon as your request has been dealt with. There \
               is nothing more to do.",
    },
    checking: Outcome {
        title: "Being checked",
        heading: "Your payment is still being checked",
        lead: "We do not know yet whether your payment has arrived and are clarifying it with the payment provider. Please \
               do not pay again.",
    },
    paid: Outcome {
        title: "Paid",
        heading: "Thank you, your payment has arrived",
        lead: "The authority has been told. There is nothing more to do.",
    },
    reversed: Outcome {
        title: "Reversed",
        heading: "Your payment was reversed",
        lead: "The payment had arrived, then the money went back to you. So the fee is not paid. Please start the payment \
               again, or call us.",
    },
    cancelled: Outcome {
        title: "Cancelled",
        heading: "The payment was cancelled",
        lead: "This payment cannot be continued. If you still want the service, start again where you came from.",
    },
    expired: Outcome {
        title: "Expired",
        heading: "The time to pay is over",
        lead: "This payment cannot be continued. If you still want the service, start again where you came from.",
    },
    failed: Outcome {
        title: "Not paid",
        heading: "The payment did not take place",
        lead: "We have checked your payment: nothing was charged. Please start the payment again, or call us.",
    },
    checking_until: |moment| format!("The result will be known by {moment}, or will then be settled by hand."),
    paid_lead_disputed: "The authority has been told.",
    refunded: |amount, paid| format!("Of the {paid} that you paid, {amount} has been refunded to you."),
    refunded_whole: |paid| format!("The {paid} that you paid has been refunded to you in full."),
    charged_back: |amount| {
        format!("Your bank has claimed back {amount}. So the fee is no longer paid in full. Please call us.")
    },
    surplus: |amount| format!("We have received {amount} too much. We will see that it goes back."),
    look_again: "Look again now",
    receipt_link: "Show the confirmation of payment",
    back_to: "Back:",
};

const RECEIPT: ReceiptTexts = ReceiptTexts {
    title: "Confirmation of payment",
    heading: "Confirmation of payment",
    has_received: |amount| format!("has received {amount}."),
    paid_at: "Paid on",
    paid_with: "Paid with",
    amount: "Amount paid",
    refund: |day| format!("Refund of {day}"),
    charged_back: "Claimed back by your bank",
    remaining: "Amount remaining",
    number: "Number of the payment",
    hint: "You can print this page or save it as a PDF with your browser.",
    back: "Back to the payment",
};

const FAILURE: FailureTexts = FailureTexts {
    not_found: Outcome {
        title: "Not found",
        heading: "This page does not exist",
        lead: "There is nothing to be found at this address.",
    },
    not_found_advice: Advice {
        causes_heading: "What may be wrong?",
        causes: [
            "The address is incomplete. This happens when a link in an e-mail was broken between two lines or copied \
             only in part.",
            "The link is old and no longer valid.",
        ],
        steps_heading: "What can you do?",
        steps: [
            "Open the link once more, or copy all of it into your browser.",
            "Go back to the online service that you came from. There you see how to go on.",
        ],
    },
    foreign: Outcome {
        title: "Not done",
        heading: "We did not do this",
        lead: "What we received was sent by another website. If you want to pay, please open the page of the payment and \
               choose how to pay there.",
    },
    too_large: Outcome {
        title: "Not done",
        heading: "We did not do this",
        lead: "What we received was too long. Please open the page of the payment and choose how to pay there.",
    },
    internal: Outcome {
        title: "Fault",
        heading: "Sorry, something went wrong at our end",
        lead: "Please reload the page in a few minutes. Please do not pay in another way before you have seen where the \
               payment stands.",
    },
};
