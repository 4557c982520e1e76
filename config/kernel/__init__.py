"""What every room stands on: errors, time, identity of the caller, the database's functions, outbound HTTP."""
