"""What is kept from one run to the next: conversations that were saved, and the log of requests."""
