"""Pages of money: the wallet, buying, orders with their receipts, withdrawing."""

from django.urls import path

from payments.web import buying, orders, receipts, wallet, withdrawing

urlpatterns = [
    path("wallet", wallet.wallet, name="wallet"),
    path("wallet/claim", wallet.claim, name="card-claim"),
    path("wallet/withdraw", withdrawing.withdraw, name="withdraw"),
    path("buy", buying.buy, name="buy"),
    path("pay/<uuid:order_uuid>/", buying.pay, name="pay"),
    path("pay/<uuid:order_uuid>/code.svg", buying.code, name="pay-code"),
    path("orders", orders.orders, name="orders"),
    path("orders/<uuid:order_uuid>", orders.order, name="order"),
    path("orders/<uuid:order_uuid>/refund", orders.refund, name="order-refund"),
    path("orders/<uuid:order_uuid>/receipt", receipts.receipt, name="receipt"),
    path("orders/<uuid:order_uuid>/receipt.pdf", receipts.receipt_pdf, name="receipt-pdf"),
]
