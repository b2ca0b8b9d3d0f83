//! What went wrong, as one code and one text: see mcql_code in minke_cql.h.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    MetadataError, MetadataFetchErrorKind, NewSessionError, PrepareError, RequestAttemptError,
    SchemaAgreementError,
};

pub const OK: i32 = 0;
pub const UNAVAILABLE: i32 = 1;
pub const TIMEOUT: i32 = 2;
pub const OVERLOADED: i32 = 3;
pub const DENIED: i32 = 4;
pub const TLS: i32 = 5;
pub const NO_TABLE: i32 = 6;
pub const INVALID: i32 = 7;
pub const OTHER: i32 = 8;

pub struct Failure {
    pub code: i32,
    pub text: String,
}

impl Failure {
    pub fn new(code: i32, text: impl Into<String>) -> Self {
        Failure {
            code,
            text: text.into(),
        }
    }
}

fn of_db(error: &DbError, text: &str) -> i32 {
    match error {
        DbError::Overloaded => OVERLOADED,
        DbError::WriteTimeout { .. } | DbError::ReadTimeout { .. } => TIMEOUT,
        DbError::Unavailable { .. }
        | DbError::IsBootstrapping
        | DbError::ReadFailure { .. }
        | DbError::WriteFailure { .. }
        | DbError::ServerError => UNAVAILABLE,
        // The server's own tables of users did not answer.
        DbError::AuthenticationError if text.contains("Unable to perform authentication") => {
            UNAVAILABLE
        }
        DbError::AuthenticationError | DbError::Unauthorized => DENIED,
        // The protocol has no code of its own for this.
        DbError::Invalid | DbError::ConfigError
            if text.contains("does not exist") || text.contains("unconfigured table") =>
        {
            NO_TABLE
        }
        DbError::Invalid | DbError::SyntaxError | DbError::ConfigError => INVALID,
        _ => OTHER,
    }
}

fn of_attempt(error: &RequestAttemptError) -> i32 {
    match error {
        RequestAttemptError::BrokenConnectionError(_)
        | RequestAttemptError::UnableToAllocStreamId => UNAVAILABLE,
        RequestAttemptError::DbError(db, text) => of_db(db, text),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => INVALID,
        _ => OTHER,
    }
}

fn of_connection(error: &ConnectionError) -> i32 {
    match error {
        ConnectionError::IoError(io) => match io.get_ref() {
            Some(inner) if inner.is::<rustls::Error>() => TLS,
            _ => UNAVAILABLE,
        },
        ConnectionError::ConnectionSetupRequestError(setup) => match setup.get_error() {
            ConnectionSetupRequestErrorKind::DbError(db, text) => of_db(db, text),
            ConnectionSetupRequestErrorKind::MissingAuthentication => DENIED,
            _ => UNAVAILABLE,
        },
        _ => UNAVAILABLE,
    }
}

fn of_pool(error: &ConnectionPoolError) -> i32 {
    match error {
        ConnectionPoolError::Broken {
            last_connection_error,
        } => of_connection(last_connection_error),
        _ => UNAVAILABLE,
    }
}

fn of_prepare(error: &PrepareError) -> i32 {
    match error {
        PrepareError::ConnectionPoolError(pool) => of_pool(pool),
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => OTHER,
    }
}

fn of_metadata(error: &MetadataError) -> i32 {
    match error {
        MetadataError::ConnectionPoolError(pool) => of_pool(pool),
        MetadataError::FetchError(fetch) => match &fetch.error {
            MetadataFetchErrorKind::PrepareError(attempt) => of_attempt(attempt),
            _ => UNAVAILABLE,
        },
        _ => UNAVAILABLE,
    }
}

fn of_agreement(error: &SchemaAgreementError) -> i32 {
    match error {
        SchemaAgreementError::ConnectionPoolError(pool) => of_pool(pool),
        SchemaAgreementError::PrepareError(prepare) => of_prepare(prepare),
        SchemaAgreementError::RequestError(attempt) => of_attempt(attempt),
        _ => TIMEOUT,
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        let code = match &error {
            ExecutionError::BadQuery(_) => INVALID,
            ExecutionError::EmptyPlan => UNAVAILABLE,
            ExecutionError::PrepareError(prepare) => of_prepare(prepare),
            ExecutionError::ConnectionPoolError(pool) => of_pool(pool),
            ExecutionError::LastAttemptError(attempt) => of_attempt(attempt),
            ExecutionError::RequestTimeout(_) => TIMEOUT,
            ExecutionError::SchemaAgreementError(agreement) => of_agreement(agreement),
            ExecutionError::MetadataError(metadata) => of_metadata(metadata),
            _ => OTHER,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Failure::new(of_prepare(&error), error.to_string())
    }
}

impl From<NewSessionError> for Failure {
    fn from(error: NewSessionError) -> Self {
        match &error {
            NewSessionError::FailedToResolveAnyHostname(_) => {
                Failure::new(UNAVAILABLE, "no address is known for that name")
            }
            NewSessionError::MetadataError(metadata) => {
                Failure::new(of_metadata(metadata), cause_of(metadata))
            }
            NewSessionError::EmptyKnownNodesList | NewSessionError::IllegalConfig(_) => {
                Failure::new(INVALID, error.to_string())
            }
            _ => Failure::new(OTHER, error.to_string()),
        }
    }
}

/// Without the driver's words about pools: what the connection said.
fn cause_of(error: &MetadataError) -> String {
    match error {
        MetadataError::ConnectionPoolError(ConnectionPoolError::Broken {
            last_connection_error: ConnectionError::ConnectionSetupRequestError(setup),
        }) => match setup.get_error() {
            ConnectionSetupRequestErrorKind::DbError(_, text) => text.clone(),
            ConnectionSetupRequestErrorKind::MissingAuthentication => {
                "it asks for a user and a password".to_string()
            }
            other => other.to_string(),
        },
        MetadataError::ConnectionPoolError(ConnectionPoolError::Broken {
            last_connection_error,
        }) => last_connection_error.to_string(),
        _ => error.to_string(),
    }
}
