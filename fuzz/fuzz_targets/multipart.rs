//! Forms of several parts, which the intake does not take apart: any boundary and any body go on as they came.
//!
//! The first line of the input is the boundary, the rest the body.
#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::upload::Endpoint;
use pyroscope_lambda_extension_fuzz::choice;
use pyroscope_lambda_extension_fuzz::intake::{End, exchange};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = choice(input) else { return };
    let mut lines = rest.splitn(2, |byte| *byte == b'\n');
    let (boundary, body) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    // What no header can hold, no SDK can send. White space at its end is not part of a value.
    let Ok(content_type) = HeaderValue::from_bytes(content_type.trim_ascii_end()) else { return };
    let request = request(&content_type, body, choice);
    // Two on one connection: the first must end where it ends.
    let sent = [request.as_slice(), &request].concat();
    let exchange = exchange(sent.chunks(sent.len() / (1 + usize::from(choice))), End::Close);
    assert_eq!(exchange.statuses(), [200, 200]);
    assert_eq!(exchange.uploads.len(), 2);
    for upload in &exchange.uploads {
        assert_eq!(upload.endpoint, Endpoint::Ingest);
        assert_eq!(upload.query.as_deref(), Some("name=app&format=pprof"));
        assert_eq!(upload.headers.get("content-type"), Some(&content_type));
        assert_eq!(upload.headers.len(), 1);
        assert_eq!(upload.body, body);
    }
});

fn request(content_type: &HeaderValue, body: &[u8], choice: u8) -> Vec<u8> {
    let head = b"POST /ingest?name=app&format=pprof HTTP/1.1\r\nHost: localhost:4040\r\nContent-Type: ";
    let mut request = [head.as_slice(), content_type.as_bytes(), b"\r\n"].concat();
    if choice.is_multiple_of(2) {
        request.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes());
        request.extend(body);
    } else {
        request.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(1 + usize::from(choice) * 11) {
            request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
    }
    request
}
