use std::{convert::Infallible, io, sync::Arc, thread, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{
    ListenError, Source,
    listener::{self, Listener, SocketFile},
    text,
};
use crate::policy::MetricsAddress;

/// Connections at a time; others wait in the socket's queue.
const CONNECTIONS: usize = 16;
/// Bytes of a request's head; one that is longer is refused.
const HEAD_BYTES: usize = 8_192;
/// How long a connection may take in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an error of the listener, such as too many open files.
const REST: Duration = Duration::from_millis(100);

/// An address that is taken: who connects waits.
#[derive(Debug)]
pub struct Bound {
    address: MetricsAddress,
    listener: Listener,
    file: Option<SocketFile>,
}

/// Serves metrics to the end of the process; dropping it removes the socket's file.
#[derive(Debug)]
pub struct Server {
    _file: Option<SocketFile>,
}

impl Bound {
    /// Takes an address.
    pub fn to(address: &MetricsAddress) -> Result<Self, ListenError> {
        let (listener, file) = listener::listen(address)?;
        Ok(Self {
            address: address.clone(),
            listener,
            file,
        })
    }

    /// Serves metrics there, on a thread of its own.
    pub fn serve(self, source: Source) -> Result<Server, ListenError> {
        let Self {
            address,
            listener,
            file,
        } = self;
        let failed = |source| ListenError {
            address: address.clone(),
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(failed)?;
        let serve = move || {
            if let Err(error) = runtime.block_on(serve(listener, source)) {
                tracing::warn!(%error, "metrics are not served any more");
            }
        };
        let thread = thread::Builder::new().name("metrics".into());
        thread.spawn(serve).map_err(failed)?;
        Ok(Server { _file: file })
    }
}

/// A connection of either kind. Behind one type: the whole of the HTTP code would be compiled for each.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A listener of either kind that is waited for.
enum Waiting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Waiting {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

async fn serve(listener: Listener, source: Source) -> io::Result<()> {
    let listener = match listener {
        Listener::Tcp(listener) => Waiting::Tcp(tokio::net::TcpListener::from_std(listener)?),
        Listener::Unix(listener) => Waiting::Unix(tokio::net::UnixListener::from_std(listener)?),
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return Ok(());
        };
        match listener.accept().await {
            Ok(stream) => converse(stream, source.clone(), place),
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Answers a request, beside others.
fn converse(stream: Box<dyn Stream>, source: Source, place: OwnedSemaphorePermit) {
    tokio::spawn(async move {
        let service = service_fn(|request| {
            let response = answer(&request, &source);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(HEAD_BYTES)
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service);
        match tokio::time::timeout(PATIENCE, connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a request for metrics failed"),
            Err(_) => tracing::debug!("a request for metrics took too long"),
        }
        drop(place);
    });
}

fn answer(request: &Request<Incoming>, source: &Source) -> Response<String> {
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match source.text() {
            Ok(body) => {
                let mut response = Response::new(body);
                let content_type = HeaderValue::from_static(text::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
            Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the text cannot be made"),
        },
        (_, "/metrics") => {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            response
        }
        _ => refusal(StatusCode::NOT_FOUND, "metrics are at /metrics"),
    }
}

fn refusal(status: StatusCode, words: &str) -> Response<String> {
    let mut response = Response::new(format!("{words}\n"));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
        path::PathBuf,
    };

    use super::*;
    use crate::outputs::metrics::{Facts, Publisher, Snapshot, channel};

    struct Served {
        directory: tempfile::TempDir,
        publisher: Publisher,
        _server: Server,
    }

    impl Served {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let address = MetricsAddress::Unix(directory.path().join("socket"));
            let (publisher, published) = channel();
            let source = Source::new(Facts::default(), published);
            Self {
                _server: Bound::to(&address).unwrap().serve(source).unwrap(),
                directory,
                publisher,
            }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("socket")
        }

        fn ask(&self, request: &[u8]) -> String {
            let mut stream = UnixStream::connect(self.path()).unwrap();
            // It may answer, and close, before it has read everything.
            let _ = stream.write_all(request);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        }
    }

    const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: sensor\r\n\r\n";

    #[test]
    fn what_is_published_is_given() {
        let served = Served::new();
        let mut snapshot = Snapshot::default();
        snapshot.counts.scores = 7;
        served.publisher.publish(snapshot);
        let answer = served.ask(GET);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("openmetrics-text; version=1.0.0"),
            "{answer}"
        );
        assert!(answer.contains("\nsensor_scores_total 7\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
        let head = served.ask(b"HEAD /metrics HTTP/1.1\r\nHost: sensor\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn anything_else_is_refused_and_the_next_is_served() {
        let served = Served::new();
        let long = format!(
            "GET /metrics HTTP/1.1\r\nHost: sensor\r\nX: {}\r\n\r\n",
            "x".repeat(2 * HEAD_BYTES)
        );
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\nHost: sensor\r\n\r\n"[..], "404"),
            (
                b"POST /metrics HTTP/1.1\r\nHost: sensor\r\nContent-Length: 0\r\n\r\n",
                "405",
            ),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n",
                "400",
            ),
            (long.as_bytes(), "431"),
        ] {
            let answer = served.ask(request);
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{status}: {answer}");
        }
        assert!(served.ask(GET).starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn a_place_is_free_again_when_who_had_it_leaves() {
        let served = Served::new();
        let mut silent: Vec<_> = (0..CONNECTIONS)
            .map(|_| UnixStream::connect(served.path()).unwrap())
            .collect();
        let mut one = UnixStream::connect(served.path()).unwrap();
        // A test that fails is better than one that hangs.
        one.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        one.write_all(GET).unwrap();
        silent.clear();
        let mut answer = String::new();
        one.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}
