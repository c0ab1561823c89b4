//! The words and the markup of the hosted page: plain, without script, readable at 320 pixels.

use http::{StatusCode, header};

use crate::{exchange::Response, ledger::page::Page};

/// What a browser may load: the style of the twin and nothing else. There is no `form-action`, because some browsers
/// would apply it to the redirect back to the service as well.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
body{font:1.125rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;max-width:34rem;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
fieldset{border:1px solid #595959;border-radius:.25rem;margin:1rem 0;padding:1rem}
button{display:block;width:100%;min-height:2.75rem;margin:.75rem 0 0;font:inherit;padding:.5rem 1rem;\
color:#1a1a1a;background:#fff;border:2px solid #1a1a1a;border-radius:.25rem;cursor:pointer}
button.main{color:#fff;background:#0b5345;border-color:#0b5345}
button:focus-visible,a:focus-visible{outline:3px solid #1a1a1a;outline-offset:3px}
.note{border-left:.375rem solid #8a1c1c;padding:.5rem 1rem;background:#fdf3f3}
.test{border-left:.375rem solid #7a5c00;padding:.5rem 1rem;background:#fff8e1}
";

/// Something the form says above its buttons.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    Refused,
    NoDecision,
}

struct Words {
    language: &'static str,
    test: &'static str,
    pay: &'static str,
    to: &'static str,
    reference: &'static str,
    choose: &'static str,
    approve: &'static str,
    decline: &'static str,
    cancel: &'static str,
    abandon: &'static str,
    refused: &'static str,
    no_decision: &'static str,
    closed: &'static str,
    closed_hint: &'static str,
    back: &'static str,
    done: &'static str,
    left: &'static str,
    left_hint: &'static str,
}

const GERMAN: Words = Words {
    language: "de",
    test: "Simulierter Zahlungsanbieter: Es wird kein Geld bewegt.",
    pay: "Mit Karte bezahlen:",
    to: "Empfänger:",
    reference: "Verwendungszweck:",
    choose: "Wie soll die Zahlung ausgehen?",
    approve: "Zahlung genehmigen",
    decline: "Zahlung ablehnen lassen",
    cancel: "Abbrechen und zurückkehren",
    abandon: "Verlassen, ohne zurückzukehren",
    refused: "Die Zahlung wurde abgelehnt. Sie können es erneut versuchen.",
    no_decision: "Bitte wählen Sie eine der Möglichkeiten.",
    closed: "Diese Zahlungsseite ist nicht mehr gültig",
    closed_hint: "Hier kann nicht mehr bezahlt werden. Mit diesem Aufruf wurde nichts abgebucht.",
    back: "Zurück",
    done: "Der Vorgang ist beendet",
    left: "Sie haben die Zahlung verlassen",
    left_hint: "Sie können dieses Fenster schließen.",
};

const ENGLISH: Words = Words {
    language: "en",
    test: "Simulated payment provider: no money is moved.",
    pay: "Pay by card:",
    to: "Payee:",
    reference: "Purpose:",
    choose: "How should the payment end?",
    approve: "Approve the payment",
    decline: "Have the payment refused",
    cancel: "Cancel and go back",
    abandon: "Leave without going back",
    refused: "The payment was refused. You can try again.",
    no_decision: "Please choose one of the options.",
    closed: "This payment page is no longer valid",
    closed_hint: "Nothing can be paid here any more. This visit took no money.",
    back: "Go back",
    done: "You are done here",
    left: "You have left the payment",
    left_hint: "You can close this tab.",
};

fn words(page: &Page) -> &'static Words {
    match page.locale.as_deref() {
        Some(locale) if !locale.to_ascii_lowercase().starts_with("de") => &ENGLISH,
        _ => &GERMAN,
    }
}

/// The form with its four buttons.
pub(crate) fn form(page: &Page, merchant: &str, notice: Option<Notice>) -> String {
    let words = words(page);
    let amount = amount(page, words);
    let notice = match notice {
        Some(Notice::Refused) => format!("<p class=\"note\" role=\"alert\">{}</p>\n", words.refused),
        Some(Notice::NoDecision) => format!("<p class=\"note\" role=\"alert\">{}</p>\n", words.no_decision),
        None => String::new(),
    };
    let purpose = page.description.as_deref().unwrap_or(&page.merchant_reference);
    let body = format!(
        "<h1>{pay} {amount}</h1>\n{notice}<p>{to} {merchant}<br>{reference} {purpose}</p>\n\
         <form method=\"post\">\n<fieldset>\n<legend>{choose}</legend>\n\
         <button class=\"main\" type=\"submit\" name=\"decision\" value=\"approve\">{approve}</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"decline\">{decline}</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"cancel\">{cancel}</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"abandon\">{abandon}</button>\n\
         </fieldset>\n</form>",
        pay = words.pay,
        to = words.to,
        merchant = escape(merchant),
        reference = words.reference,
        purpose = escape(purpose),
        choose = words.choose,
        approve = words.approve,
        decline = words.decline,
        cancel = words.cancel,
        abandon = words.abandon,
    );
    document(words, &format!("{} {amount}", words.pay), &body)
}

/// A page that cannot be paid any more.
pub(crate) fn closed(page: &Page) -> String {
    let words = words(page);
    let back = page
        .return_url
        .as_deref()
        .map_or_else(String::new, |address| format!("<p><a href=\"{}\">{}</a></p>", escape(address), words.back));
    let body = format!("<h1>{}</h1>\n<p>{}</p>\n{back}", words.closed, words.closed_hint);
    document(words, words.closed, &body)
}

/// A payer who does not come back.
pub(crate) fn abandoned(page: &Page) -> String {
    let words = words(page);
    ended(words, words.left)
}

/// A payer who has decided and has no address to go back to.
pub(crate) fn done(page: &Page) -> String {
    let words = words(page);
    ended(words, words.done)
}

fn ended(words: &Words, title: &str) -> String {
    document(words, title, &format!("<h1>{title}</h1>\n<p>{}</p>", words.left_hint))
}

/// An address that is no page.
pub(crate) fn unknown() -> String {
    let words = &GERMAN;
    document(words, words.closed, &format!("<h1>{}</h1>", words.closed))
}

/// The one style sheet.
pub(crate) fn stylesheet() -> Response {
    let mut response = Response::empty(StatusCode::OK).header(header::CONTENT_TYPE, "text/css; charset=utf-8");
    response.body = STYLE.as_bytes().to_vec();
    response
}

/// The policy that goes with every page.
pub(crate) fn protect(response: Response) -> Response {
    response
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn document(words: &Words, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/adyen/style.css\">\n</head>\n<body>\n<p class=\"test\">{test}</p>\n\
         <main>\n{body}\n</main>\n</body>\n</html>\n",
        language = words.language,
        test = words.test,
    )
}

fn amount(page: &Page, words: &Words) -> String {
    let decimal = page.amount.decimal();
    let decimal = if words.language == "de" { decimal.replace('.', ",") } else { decimal };
    format!("{decimal}&nbsp;{}", page.amount.currency())
}

/// Text as HTML, also inside a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_texts_stays_text() {
        assert_eq!(escape("<b a=\"1\" b='2'>&"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
    }
}
