"""Text messages: one gateway, chosen by `SMS_GATEWAY`."""
