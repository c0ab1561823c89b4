//! What protects the pages: headers on every answer, and refusing forms that another site sent.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::CheckoutSettings;

/// What the pages may load and where their forms may lead. Browsers apply `form-action` to redirects that answer a
/// form as well, so the providers' pages are named there.
pub(super) fn content_security_policy(settings: &CheckoutSettings) -> HeaderValue {
    let own = "'self'".to_owned();
    let pages = settings.page_origins.iter().map(ToString::to_string);
    let form_action: Vec<String> = std::iter::once(own).chain(pages).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action {}; \
         frame-ancestors 'none'; base-uri 'none'",
        form_action.join(" ")
    );
    // An origin is ASCII, so the text is always a header; the strictest policy would be the honest remainder.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// What every answer carries beside its policy: no referrer, no index, no frame, no window that holds on to another, no
/// use by other sites, and none of what devices offer.
const FIXED: [(&str, &str); 7] = [
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), \
         midi=(), payment=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()",
    ),
];

/// Sets the headers that every answer carries. The token is in the path, hence no referrer, no store and no index.
pub(super) async fn protect(State(policy): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a form was sent by a page of another site.
///
/// Our pages send no referrer, and for such a page browsers send `Origin: null` with its forms, so that `null` says
/// nothing; `Sec-Fetch-Site` does, in every browser that sends it. Somebody without the token can forge nothing at all;
/// this keeps a page that was given the address from pressing buttons for the citizen.
pub(super) fn is_foreign(headers: &HeaderMap, own_origin: &str) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let site_is_foreign = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    let origin_is_foreign = origin.is_some_and(|origin| origin != b"null" && origin != own_origin.as_bytes());
    site_is_foreign || origin_is_foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites_are_foreign() {
        let own = "https://pay.example";
        for (site, origin, foreign) in [
            (None, None, false),
            (Some("same-origin"), Some("null"), false),
            (Some("same-origin"), Some(own), false),
            (Some("none"), None, false),
            (None, Some("null"), false),
            (Some("cross-site"), None, true),
            (Some("cross-site"), Some(own), true),
            (Some("same-site"), Some("null"), true),
            (None, Some("https://pay.example.evil.org"), true),
            (None, Some("http://pay.example"), true),
        ] {
            let mut headers = HeaderMap::new();
            site.map(|site| headers.insert("sec-fetch-site", HeaderValue::from_static(site)));
            origin.map(|origin| headers.insert(header::ORIGIN, HeaderValue::from_static(origin)));
            assert_eq!(is_foreign(&headers, own), foreign, "{site:?} {origin:?}");
        }
    }
}
