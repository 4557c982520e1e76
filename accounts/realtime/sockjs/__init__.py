"""SockJS as plain ASGI: the ways in which a browser may be connected."""
