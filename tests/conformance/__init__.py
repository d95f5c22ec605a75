"""Conformance of the gateway, judged by programs that share no code with it.

schemathesis makes requests of which it claims that they are valid or not. Each is sent through the gateway to an
upstream that accepts everything. Where the gateway does not do what was claimed, openapi-core judges the request as it
went over the wire; where it sides against the gateway too, and no written reason explains it, the run fails.

In reading order: `documents`, `generation`, `wire`, `upstream`, `gateway`, `fault`, `arbiter`, `reasons`,
`comparison`, `report`.
"""
