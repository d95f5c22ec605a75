"""The control plane's REST API, fuzzed by its own OpenAPI document."""
