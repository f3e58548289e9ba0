"""Plugins: what they hand over, the hooks they implement, and the host that loads them one by one."""
