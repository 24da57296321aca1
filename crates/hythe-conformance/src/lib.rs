//! A client program that checks a registry against the OCI distribution specification and compares two registries.
