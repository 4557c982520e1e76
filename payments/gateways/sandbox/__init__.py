"""The sandbox of demo mode: a gateway without money that behaves as the real ones do."""

from payments.gateways.sandbox.gateway import SandboxGateway

__all__ = ["SandboxGateway"]
