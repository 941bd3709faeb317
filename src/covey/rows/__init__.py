"""A user's table as a fit takes it, and the order along which its rows depend on each other."""
