"""Alipay's open platform, signed with RSA2 (protocol: opendocs.alipay.com, gateway 1.0)."""

from payments.gateways.alipay.gateway import AlipayGateway

__all__ = ["AlipayGateway"]
