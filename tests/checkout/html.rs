//! Reads pages as strictly as a person who depends on their structure needs them to be.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "link", "input", "br", "img"];

/// A piece of a page, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    Open { name: String, attributes: Vec<(String, String)> },
    Close(String),
    Text(String),
}

impl Piece {
    pub(crate) fn attribute(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Open { attributes, .. } => {
                attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
            }
            Self::Close(_) | Self::Text(_) => None,
        }
    }

    pub(crate) fn opens(&self, wanted: &str) -> bool {
        matches!(self, Self::Open { name, .. } if name == wanted)
    }
}

/// Splits a page into its pieces. Every attribute must be quoted and appear once.
pub(crate) fn pieces(html: &str) -> Vec<Piece> {
    let mut rest = html
        .trim_start()
        .strip_prefix("<!DOCTYPE html>")
        .unwrap_or_else(|| panic!("a page begins with its doctype: {html:?}"));
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let Some(tag) = rest.strip_prefix('<') else {
            let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            assert!(!text.contains('>'), "a stray > in {text:?}");
            if !text.trim().is_empty() {
                pieces.push(Piece::Text(unescape(text.trim())));
            }
            rest = after;
            continue;
        };
        let (inside, after) = tag.split_once('>').expect("every tag ends");
        rest = after;
        match inside.strip_prefix('/') {
            Some(name) => pieces.push(Piece::Close(name.to_owned())),
            None => pieces.push(open(inside)),
        }
    }
    pieces
}

fn open(inside: &str) -> Piece {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "no element: <{inside}>");
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.trim().is_empty() {
        let (attribute, after) = rest.trim_start().split_once("=\"").unwrap_or_else(|| panic!("unquoted: <{inside}>"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("unclosed: <{inside}>"));
        assert!(!attributes.iter().any(|(known, _)| known == attribute), "twice {attribute}: <{inside}>");
        attributes.push((attribute.to_owned(), unescape(value)));
        rest = after;
    }
    Piece::Open { name: name.to_owned(), attributes }
}

fn unescape(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

/// The text of the first element of a name, at any depth.
pub(crate) fn text_of(pieces: &[Piece], element: &str) -> String {
    let start = pieces.iter().position(|piece| piece.opens(element)).unwrap_or_else(|| panic!("no <{element}>"));
    text_from(&pieces[start..])
}

/// The text of the element that the first piece opens.
pub(crate) fn text_from(pieces: &[Piece]) -> String {
    let mut depth = 0_usize;
    let mut texts = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Open { name, .. } if !VOID.contains(&name.as_str()) => depth += 1,
            Piece::Open { .. } => {}
            Piece::Close(_) => depth -= 1,
            Piece::Text(text) => texts.push(text.as_str()),
        }
        if depth == 0 {
            break;
        }
    }
    texts.join(" ")
}

/// Checks what every page must keep: well-formed, one heading of the first order, named controls, nothing that runs.
pub(crate) fn check(html: &str) {
    let pieces = pieces(html);
    check_nesting(&pieces);
    let count = |element: &str| pieces.iter().filter(|piece| piece.opens(element)).count();
    for once in ["html", "head", "title", "body", "main", "h1"] {
        assert_eq!(count(once), 1, "<{once}> in {html}");
    }
    // The one script is ours, comes from us, and says nothing itself.
    let scripts = pieces.iter().enumerate().filter(|(_, piece)| piece.opens("script"));
    for (index, script) in scripts {
        assert_eq!(script.attribute("src"), Some("/pay/assets/checkout.js"), "in {html}");
        assert!(pieces[index + 1] == Piece::Close("script".to_owned()), "a script within {html}");
    }
    assert!(count("script") <= 1 && !html.contains("http-equiv"), "in {html}");
    for never in ["style", "iframe", "object", "base", "font"] {
        assert_eq!(count(never), 0, "<{never}> in {html}");
    }
    let lang = pieces[0].attribute("lang").expect("the language is named");
    assert!(["de", "en"].contains(&lang), "{lang}");
    assert_eq!(pieces[0].attribute("dir"), Some("ltr"));
    assert!(text_of(&pieces, "title").len() > 3);
    check_ids(&pieces);
    check_headings(&pieces);
    for (index, piece) in pieces.iter().enumerate() {
        let Piece::Open { name, attributes } = piece else { continue };
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} in <{name}>");
            assert!(!value.trim_start().to_ascii_lowercase().starts_with("javascript:"), "{value}");
        }
        match name.as_str() {
            "a" | "button" => assert!(!text_from(&pieces[index..]).is_empty(), "<{name}> without words"),
            "input" => assert_eq!(piece.attribute("type"), Some("hidden"), "an input without a label"),
            "img" => assert!(piece.attribute("alt").is_some(), "an image without words"),
            "th" => assert!(piece.attribute("scope").is_some(), "a header cell without scope"),
            "form" => {
                assert_eq!(piece.attribute("method"), Some("post"));
                assert!(piece.attribute("action").is_some_and(|action| action.starts_with("/pay/")));
            }
            _ => {}
        }
    }
}

fn check_nesting(pieces: &[Piece]) {
    let mut open: Vec<&str> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Open { name, .. } if VOID.contains(&name.as_str()) => {}
            Piece::Open { name, .. } => open.push(name),
            Piece::Close(name) => assert_eq!(open.pop(), Some(name.as_str()), "</{name}> closes another element"),
            Piece::Text(_) => assert!(!open.is_empty(), "text outside the page"),
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "never closed");
}

fn check_ids(pieces: &[Piece]) {
    let mut ids = BTreeSet::new();
    for id in pieces.iter().filter_map(|piece| piece.attribute("id")) {
        assert!(ids.insert(id), "{id} is not unique");
    }
    for named in pieces.iter().filter_map(|piece| piece.attribute("aria-labelledby")) {
        assert!(ids.contains(named), "nothing has the id {named}");
    }
    for target in pieces.iter().filter_map(|piece| piece.attribute("href")?.strip_prefix('#')) {
        assert!(ids.contains(target), "nothing has the id {target}");
    }
}

/// Headings never skip an order downwards.
fn check_headings(pieces: &[Piece]) {
    let orders: Vec<u32> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Open { name, .. } => name.strip_prefix('h').and_then(|order| order.parse().ok()),
            Piece::Close(_) | Piece::Text(_) => None,
        })
        .collect();
    assert!(orders.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{orders:?}");
}

#[test]
fn the_checker_sees_what_it_is_for() {
    let page = |body: &str| {
        format!(
            "<!DOCTYPE html><html lang=\"de\" dir=\"ltr\"><head><title>Titel</title></head><body>{body}</body></html>"
        )
    };
    check(&page("<main><h1>Wort</h1></main>"));
    for broken in [
        "<main><h1>Wort</main></h1>",
        "<main><h1>Wort</h1><h1>Wort</h1></main>",
        "<main><h1>Wort</h1><h3>Wort</h3></main>",
        "<main><h1>Wort</h1><script>x</script></main>",
        "<main><h1>Wort</h1><script src=\"/pay/assets/checkout.js\">x</script></main>",
        "<main><h1>Wort</h1><script src=\"https://elsewhere.example/checkout.js\"></script></main>",
        "<meta http-equiv=\"refresh\" content=\"5\"><main><h1>Wort</h1></main>",
        "<main><h1>Wort</h1><p style=\"x\">x</p></main>",
        "<main><h1>Wort</h1><p id=\"a\">x</p><p id=\"a\">x</p></main>",
        "<main><h1>Wort</h1><input type=\"text\"></main>",
        "<main><h1>Wort</h1><a href=\"/\"></a></main>",
        "<main><h1>Wort</h1>",
    ] {
        let page = page(broken);
        assert!(std::panic::catch_unwind(|| check(&page)).is_err(), "{broken} passed");
    }
}
