"""Gateways: each folder speaks one payment service's protocol, complete in itself."""
