"""What OpenTelemetry hears of a run: spans and metrics by the conventions for generative AI."""
