"""Skills: instructions that an agent takes up when it needs them, and prompts that are filled in and run."""
