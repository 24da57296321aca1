use hythe_driver_testsuite::driver_suite;

use crate::emulator;

driver_suite!(async || emulator::fixture());
driver_suite!(uploads: async || emulator::fixture());
