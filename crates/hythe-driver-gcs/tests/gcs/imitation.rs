//! The suite on the imitated service, with chunks of the usual size and with the smallest.

mod usual_chunks {
    use crate::support::imitation;
    hythe_driver_testsuite::driver_suite!(async || imitation(16 << 20).await);
    hythe_driver_testsuite::driver_suite!(uploads: async || imitation(16 << 20).await);
}

mod small_chunks {
    use crate::support::{SMALL_CHUNK, imitation};
    hythe_driver_testsuite::driver_suite!(async || imitation(SMALL_CHUNK).await);
    hythe_driver_testsuite::driver_suite!(uploads: async || imitation(SMALL_CHUNK).await);
}
