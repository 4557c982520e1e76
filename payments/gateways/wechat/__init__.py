"""WeChat Pay API v3 of one merchant (protocol: pay.weixin.qq.com, merchant documents v3)."""

from payments.gateways.wechat.gateway import WechatGateway

__all__ = ["WechatGateway"]
