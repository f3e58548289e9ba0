"""The Lua host: the state and its prelude, the driver, the seam of effects, and the runner."""
