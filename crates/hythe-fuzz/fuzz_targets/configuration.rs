#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hythe_fuzz::configuration(data));
