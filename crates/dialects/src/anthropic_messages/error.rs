use crate::write::Object;

/// The `type` of an error by its HTTP status (Anthropic API reference, "Errors").
const fn error_kind(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

/// The body of an error, as an answer and as the data of an `error` event alike.
pub(crate) fn error_body(status: u16, message: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 80);
    let mut object = Object::open(&mut out);
    object.put("type", "error");
    let mut inner = object.object("error");
    inner.put("type", error_kind(status));
    inner.put("message", message);
    inner.close();
    object.close();
    out
}
