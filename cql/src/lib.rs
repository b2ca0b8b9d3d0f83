//! A narrow C ABI over the `scylla` driver. minke_cql.h is its contract.

mod failure;
mod row;
mod trust;

use std::ffi::{c_char, c_void};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::client::PoolSize;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::bound::BoundStatement;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::runtime::Runtime;

use failure::Failure;
use row::{EncodedRow, RawRow};

/// How long closing waits for name look-ups of the system, which cannot be interrupted.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct McqlBytes {
    data: *const u8,
    size: usize,
}

impl McqlBytes {
    const NOTHING: McqlBytes = McqlBytes {
        data: std::ptr::null(),
        size: 0,
    };

    fn of(bytes: &[u8]) -> Self {
        McqlBytes {
            data: bytes.as_ptr(),
            size: bytes.len(),
        }
    }

    unsafe fn get<'a>(self) -> Option<&'a [u8]> {
        (!self.data.is_null()).then(|| std::slice::from_raw_parts(self.data, self.size))
    }

    unsafe fn text<'a>(self) -> &'a str {
        self.get()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or("")
    }
}

#[repr(C)]
pub struct McqlOptions {
    addresses: McqlBytes,
    user: McqlBytes,
    password: McqlBytes,
    ca_pem: McqlBytes,
    datacenter: McqlBytes,
    keyspace: McqlBytes,
    check_host: u8,
    connections: u32,
    threads: u32,
    connect_timeout_ms: u32,
    request_timeout_ms: u32,
}

const TEXT_BYTES: usize = 1020;

#[repr(C)]
pub struct McqlError {
    code: i32,
    text: [c_char; TEXT_BYTES],
}

impl McqlError {
    fn set(&mut self, failure: Failure) {
        self.code = failure.code;
        let mut end = failure.text.len().min(TEXT_BYTES - 1);
        while !failure.text.is_char_boundary(end) {
            end -= 1;
        }
        for (to, from) in self.text.iter_mut().zip(&failure.text.as_bytes()[..end]) {
            *to = *from as c_char;
        }
        self.text[end] = 0;
    }
}

pub struct McqlSession {
    session: Arc<Session>,
    runtime: Runtime,
    prepare_timeout: Duration,
}

pub struct McqlStatement(PreparedStatement);

pub struct McqlRequest {
    bound: Arc<BoundStatement>,
    is_paged: bool,
}

pub struct McqlResult {
    rows: Vec<RawRow>,
    page_state: Option<Arc<[u8]>>,
}

type Done = extern "C" fn(*mut c_void, u64, i32, McqlBytes, *mut McqlResult);

/// The context of a Done, which its owner lets any thread use.
struct Context(*mut c_void);
unsafe impl Send for Context {}
impl Context {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

unsafe fn open(options: &McqlOptions) -> Result<McqlSession, Failure> {
    let addresses: Vec<&str> = options
        .addresses
        .text()
        .split(',')
        .map(str::trim)
        .filter(|a| !a.is_empty())
        .collect();
    let connect_timeout = Duration::from_millis(options.connect_timeout_ms.into());
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::Serial))
        .request_timeout(Some(Duration::from_millis(
            options.request_timeout_ms.into(),
        )))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    let connections = NonZeroUsize::new(options.connections as usize).unwrap_or(NonZeroUsize::MIN);
    let mut builder = SessionBuilder::new()
        .known_nodes(&addresses)
        .connection_timeout(connect_timeout)
        .pool_size(PoolSize::PerHost(connections))
        .keyspaces_to_fetch([options.keyspace.text()])
        .fetch_full_schema_metadata(false)
        .default_execution_profile_handle(profile.into_handle());
    if options.user.get().is_some() {
        builder = builder.user(options.user.text(), options.password.text());
    }
    if let Some(pem) = options.ca_pem.get() {
        let tls = trust::client_config(pem, &addresses, options.check_host != 0)
            .map_err(|text| Failure::new(failure::TLS, format!("the CA file: {text}")))?;
        builder = builder.tls_context(Some(tls));
    }
    if options.datacenter.get().is_some() {
        builder = builder.prefer_datacenter(options.datacenter.text().to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads.max(1) as usize)
        .thread_name("cql")
        .enable_all()
        .build()
        .map_err(|e| Failure::new(failure::OTHER, format!("cannot start threads: {e}")))?;
    let built = runtime
        .block_on(async { tokio::time::timeout(connect_timeout * 2, builder.build()).await });
    match built {
        Ok(Ok(session)) => Ok(McqlSession {
            session: Arc::new(session),
            runtime,
            prepare_timeout: connect_timeout,
        }),
        Ok(Err(error)) => {
            runtime.shutdown_timeout(CLOSE_TIMEOUT);
            Err(error.into())
        }
        Err(_) => {
            runtime.shutdown_timeout(CLOSE_TIMEOUT);
            Err(Failure::new(failure::TIMEOUT, "no answer in time"))
        }
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_connect(
    options: *const McqlOptions,
    error: *mut McqlError,
) -> *mut McqlSession {
    match open(&*options) {
        Ok(session) => Box::into_raw(Box::new(session)),
        Err(failure) => {
            (*error).set(failure);
            std::ptr::null_mut()
        }
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_close(session: *mut McqlSession) {
    let McqlSession {
        session, runtime, ..
    } = *Box::from_raw(session);
    drop(session);
    runtime.shutdown_timeout(CLOSE_TIMEOUT);
}

#[no_mangle]
unsafe extern "C" fn mcql_nodes(session: *const McqlSession) -> usize {
    (*session)
        .session
        .get_cluster_state()
        .get_nodes_info()
        .len()
}

unsafe fn prepare(
    session: &McqlSession,
    cql: McqlBytes,
    consistency: u8,
) -> Result<PreparedStatement, Failure> {
    let limit = session.prepare_timeout;
    let preparing =
        async { tokio::time::timeout(limit, session.session.prepare(cql.text())).await };
    let mut prepared = match session.runtime.block_on(preparing) {
        Ok(prepared) => prepared?,
        Err(_) => return Err(Failure::new(failure::TIMEOUT, "no answer in time")),
    };
    prepared.set_consistency(match consistency {
        1 => Consistency::LocalOne,
        2 => Consistency::Serial,
        _ => Consistency::LocalQuorum,
    });
    Ok(prepared)
}

#[no_mangle]
unsafe extern "C" fn mcql_prepare(
    session: *mut McqlSession,
    cql: McqlBytes,
    consistency: u8,
    error: *mut McqlError,
) -> *mut McqlStatement {
    match prepare(&*session, cql, consistency) {
        Ok(prepared) => Box::into_raw(Box::new(McqlStatement(prepared))),
        Err(failure) => {
            (*error).set(failure);
            std::ptr::null_mut()
        }
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_statement_free(statement: *mut McqlStatement) {
    drop(Box::from_raw(statement));
}

#[no_mangle]
unsafe extern "C" fn mcql_query(
    session: *mut McqlSession,
    cql: McqlBytes,
    error: *mut McqlError,
) -> i32 {
    let session = &*session;
    match session
        .runtime
        .block_on(session.session.query_unpaged(cql.text(), ()))
    {
        Ok(_) => failure::OK,
        Err(execution) => {
            (*error).set(execution.into());
            (*error).code
        }
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_bind(
    statement: *const McqlStatement,
    values: *const McqlBytes,
    count: usize,
    page_rows: i32,
    error: *mut McqlError,
) -> *mut McqlRequest {
    let mut prepared = (*statement).0.clone();
    if page_rows > 0 {
        prepared.set_page_size(page_rows);
    }
    let values = if count == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(values, count)
    };
    let row = EncodedRow(values.iter().map(|value| value.get()).collect());
    match prepared.bind(&row) {
        Ok(bound) => Box::into_raw(Box::new(McqlRequest {
            bound: Arc::new(bound),
            is_paged: page_rows > 0,
        })),
        Err(e) => {
            (*error).set(Failure::new(failure::INVALID, e.to_string()));
            std::ptr::null_mut()
        }
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_request_free(request: *mut McqlRequest) {
    drop(Box::from_raw(request));
}

fn collect(result: QueryResult, next: PagingStateResponse) -> Result<McqlResult, String> {
    let page_state = match next {
        PagingStateResponse::HasMorePages { state } => state.as_bytes_slice().cloned(),
        PagingStateResponse::NoMorePages => None,
    };
    let mut rows = Vec::new();
    if result.is_rows() {
        let found = result.into_rows_result().map_err(|e| e.to_string())?;
        rows.reserve(found.rows_num());
        for row in found.rows::<RawRow>().map_err(|e| e.to_string())? {
            rows.push(row.map_err(|e| e.to_string())?);
        }
    }
    Ok(McqlResult { rows, page_state })
}

async fn execute(
    session: &Session,
    bound: &BoundStatement,
    page: Option<PagingState>,
) -> Result<McqlResult, Failure> {
    let (result, next) = match page {
        Some(state) => session.execute_bound_single_page(bound, state).await?,
        None => (
            session.execute_bound_unpaged(bound).await?,
            PagingStateResponse::NoMorePages,
        ),
    };
    collect(result, next).map_err(|text| Failure::new(failure::OTHER, text))
}

#[no_mangle]
unsafe extern "C" fn mcql_send(
    session: *mut McqlSession,
    request: *const McqlRequest,
    page_state: McqlBytes,
    done: Done,
    context: *mut c_void,
    id: u64,
) {
    let McqlSession {
        session, runtime, ..
    } = &*session;
    let session = Arc::clone(session);
    let bound = Arc::clone(&(*request).bound);
    let page = (*request).is_paged.then(|| match page_state.get() {
        Some(state) => PagingState::new_from_raw_bytes(state),
        None => PagingState::start(),
    });
    let context = Context(context);
    runtime.spawn(async move {
        let outcome = execute(&session, &bound, page).await;
        // Before the callee is told, who may close the session next.
        drop(bound);
        drop(session);
        match outcome {
            Ok(result) => {
                let result = Box::into_raw(Box::new(result));
                done(context.get(), id, failure::OK, McqlBytes::NOTHING, result)
            }
            Err(failure) => {
                let text = McqlBytes::of(failure.text.as_bytes());
                done(context.get(), id, failure.code, text, std::ptr::null_mut())
            }
        }
    });
}

#[no_mangle]
unsafe extern "C" fn mcql_rows(result: *const McqlResult) -> usize {
    (*result).rows.len()
}

#[no_mangle]
unsafe extern "C" fn mcql_cell(result: *const McqlResult, row: usize, column: usize) -> McqlBytes {
    let result = &*result;
    let cell = result.rows.get(row).and_then(|row| row.0.get(column));
    match cell {
        Some(Some(bytes)) => McqlBytes::of(bytes),
        _ => McqlBytes::NOTHING,
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_page_state(result: *const McqlResult) -> McqlBytes {
    match &(*result).page_state {
        Some(state) => McqlBytes::of(state),
        None => McqlBytes::NOTHING,
    }
}

#[no_mangle]
unsafe extern "C" fn mcql_result_free(result: *mut McqlResult) {
    drop(Box::from_raw(result));
}
