"""The decision log: no answer leaves before its record is durable. Knows no policies, no gRPC."""
