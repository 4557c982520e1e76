"""A local server that speaks Alipay's gateway as its documents say (opendocs.alipay.com), with keys and signatures of its own making.

It takes GET and POST, verifies our RSA2 signature and certificate names, answers with the inner object signed byte by byte, and keeps trades,
refunds, transfers and bills. Tests turn its knobs: answers that are lost after the work was done, refusals, and what happens before an answer.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import functools
import hashlib
import io
import json
import threading
import uuid
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tests.harness import CrowdServer

BEIJING = dt.timezone(dt.timedelta(hours=8))
APP_ID, SELLER_ID = "2021004100000042", "2088441000000042"
BILL_HEAD = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "user-agent": "Mozilla/4.0"}
Fields = dict[str, str]


class Refusal(Exception):
    """A refusal in Alipay's words."""

    def __init__(self, sub_code: str, code: str = "40004") -> None:
        super().__init__(sub_code)
        self.code, self.sub_code = code, sub_code


@functools.cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    """The key `name` of this run: making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """The private key, PKCS #8, with armour."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half, with armour."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def bare(text: str) -> str:
    """A PEM text as Alipay's console hands it out: one line of base64."""
    return "".join(line for line in text.splitlines() if not line.startswith("-----"))


@functools.cache
def certificate(name: str, issuer: str) -> x509.Certificate:
    """A certificate of key `name` by the authority `issuer`; `elliptic` signs by another algorithm than RSA."""
    signer: Any = ec.generate_private_key(ec.SECP256R1()) if issuer == "elliptic" else key_of(issuer)
    parts = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "Local Financial"), (NameOID.COMMON_NAME, f"Local {issuer} R1")]
    authority = x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(
            issuer_name=authority, subject_name=authority, public_key=key_of(name).public_key(), serial_number=int(name.encode().hex(), 16)
        )
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )


def certificate_pem(*found: x509.Certificate) -> str:
    """One file of certificates."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in found)


def serial(name: str, issuer: str) -> str:
    """The certificate's name by Alipay's rule, from what it was made of."""
    return hashlib.md5(f"CN=Local {issuer} R1,O=Local Financial,C=CN{int(name.encode().hex(), 16)}".encode()).hexdigest()


def signature(key: rsa.RSAPrivateKey, data: bytes) -> str:
    """RSA2."""
    return base64.b64encode(key.sign(data, padding.PKCS1v15(), hashes.SHA256())).decode()


def joined(fields: Fields, *without: str) -> bytes:
    """What a signature covers."""
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in without).encode()


def beijing(age_s: float = 0) -> str:
    """So many seconds ago, as Alipay writes it."""
    return (dt.datetime.now(BEIJING) - dt.timedelta(seconds=age_s)).strftime("%Y-%m-%d %H:%M:%S")


class AlipayServer:
    """One application at Alipay: its trades, its transfers, its bills."""

    def __init__(self, *, with_certificates: bool = False) -> None:
        self.merchant, self.alipay = key_of("merchant"), key_of("alipay")
        self.with_certificates = with_certificates
        self.trades: dict[str, dict[str, Any]] = {}
        self.transfers: dict[str, dict[str, Any]] = {}
        self.bills: dict[str, bytes] = {}
        self.payees = {"user@example.com": "张三"}
        self.transfer_status, self.balance_cents = "SUCCESS", 100_000_00
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.trouble: list[str] = []
        self.refuse: list[Refusal] = []
        self.before_answer: Callable[[str, dict[str, Any]], None] = lambda _method, _content: None
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.serve(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

            def do_GET(self) -> None:
                server.serve(self, "")

            def log_message(self, *_: Any) -> None:
                return

        self.http = CrowdServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def gateway(self) -> str:
        """The address for `ALIPAY_GATEWAY`."""
        return f"http://127.0.0.1:{self.http.server_port}/gateway.do"

    def close(self) -> None:
        """The server is gone."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def configure(self, settings: Any) -> None:
        """The platform is this application."""
        settings.ALIPAY_APP_ID, settings.ALIPAY_SELLER_ID, settings.ALIPAY_GATEWAY = APP_ID, SELLER_ID, self.gateway
        settings.ALIPAY_PRIVATE_KEY, settings.ALIPAY_PUBLIC_KEY = pem(self.merchant), public_pem(self.alipay)
        settings.ALIPAY_APP_CERT = settings.ALIPAY_PUBLIC_CERT = settings.ALIPAY_ROOT_CERT = ""
        if self.with_certificates:
            settings.ALIPAY_PUBLIC_KEY = ""
            settings.ALIPAY_APP_CERT = certificate_pem(certificate("merchant", "authority"))
            settings.ALIPAY_PUBLIC_CERT = certificate_pem(certificate("alipay", "authority"), certificate("authority", "authority"))
            roots = [certificate("authority", "authority"), certificate("alipay", "elliptic"), certificate("other", "other")]
            settings.ALIPAY_ROOT_CERT = certificate_pem(*roots)

    # the wire

    def serve(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        """One request, answered as Alipay answers."""
        query = urlsplit(handler.path).query
        if handler.path.startswith("/bill/"):
            return self._send(handler, 200, self.bills[handler.path.rpartition("/")[2]], "application/zip")
        trouble = self.trouble.pop(0) if self.trouble else ""
        text = self.answer(handler.command, "&".join(part for part in (query, body) if part), trouble)
        if trouble == "silence":
            return handler.connection.close()
        return self._send(handler, 502 if trouble == "502" else 200, text.encode(), "text/html;charset=utf-8")

    def _send(self, handler: BaseHTTPRequestHandler, status: int, data: bytes, kind: str) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def answer(self, verb: str, form: str, trouble: str = "") -> str:
        """The answer's text. `trouble`: silence, 502, unsigned, forged, 20000, ACQ.SYSTEM_ERROR, SYSTEM_ERROR; the work is done all the same."""
        try:
            fields = self.genuine(form)
        except Refusal as fault:
            return json.dumps({"error_response": {"code": fault.code, "msg": "Invalid Arguments", "sub_code": fault.sub_code}})
        method, content = fields["method"], json.loads(fields["biz_content"])
        self.calls.append((verb, method, content))
        found = self._outcome(method, content, fields)
        self.before_answer(method, content)
        if trouble == "20000":
            found = {"code": "20000", "msg": "Service Currently Unavailable", "sub_code": "isp.unknow-error", "sub_msg": "系统繁忙"}
        elif trouble.endswith("SYSTEM_ERROR"):
            found = {"code": "40004", "msg": "Business Failed", "sub_code": trouble, "sub_msg": "系统繁忙"}
        return self.wrapped(method, found, trouble)

    def wrapped(self, method: str, found: dict[str, Any], trouble: str = "") -> str:
        """The signed answer; odd spacing, escapes and braces in strings are part of what is signed."""
        inner = json.dumps(found | {"note": 'a } and a { and "quotes"'}, ensure_ascii=False, separators=(", ", " : ")).replace("/", "\\/")
        key = key_of("forger") if trouble == "forged" else self.alipay
        parts = {f"{method.replace('.', '_')}_response": inner}
        if self.with_certificates:
            parts["alipay_cert_sn"] = json.dumps(serial("alipay", "authority"))
        if trouble != "unsigned":
            parts["sign"] = json.dumps(signature(key, inner.encode()))
        return "{" + ",".join(f'"{name}":{value}' for name, value in parts.items()) + "}"

    def genuine(self, form: str) -> Fields:
        """The fields of a request of our application, its signature proven. Raises Refusal."""
        pairs = parse_qsl(form, keep_blank_values=True, strict_parsing=True)
        fields = dict(pairs)
        if len(fields) != len(pairs) or "" in fields.values():
            raise Refusal("isv.invalid-parameter", "40002")
        wanted = {"app_id": APP_ID, "charset": "utf-8", "sign_type": "RSA2", "version": "1.0", "format": "JSON"}
        if self.with_certificates:
            roots = f"{serial('authority', 'authority')}_{serial('other', 'other')}"
            wanted |= {"app_cert_sn": serial("merchant", "authority"), "alipay_root_cert_sn": roots}
        for name, value in wanted.items():
            if fields.get(name) != value:
                raise Refusal(f"isv.invalid-{name.replace('_', '-')}", "40002")
        sent_at = dt.datetime.strptime(fields["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
        if abs(dt.datetime.now(BEIJING) - sent_at) > dt.timedelta(minutes=15):
            raise Refusal("isv.invalid-timestamp", "40002")
        try:
            signed = joined(fields, "sign")
            self.merchant.public_key().verify(base64.b64decode(fields["sign"]), signed, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, KeyError):
            raise Refusal("isv.invalid-signature", "40002") from None
        return fields

    def _outcome(self, method: str, content: dict[str, Any], fields: Fields) -> dict[str, Any]:
        act = getattr(self, "do_" + method.removeprefix("alipay.").replace(".", "_"), None)
        try:
            if self.refuse:
                raise self.refuse.pop(0)
            if act is None:
                raise Refusal("isv.invalid-method", "40002")
            with self.lock:
                return {"code": "10000", "msg": "Success"} | act(content, fields)
        except Refusal as refusal:
            return {"code": refusal.code, "msg": "Business Failed", "sub_code": refusal.sub_code, "sub_msg": "失败"}

    # payments

    def arrive(self, signed: str) -> dict[str, Any]:
        """The payer opens the page's address, or the app hands over the order string: only now the trade begins."""
        fields = self.genuine(signed.partition("?")[2] or signed)
        content = json.loads(fields["biz_content"])
        page = {"page": "FAST_INSTANT_TRADE_PAY", "wap": "QUICK_WAP_WAY", "app": "QUICK_MSECURITY_PAY"}
        assert content["product_code"] == page[fields["method"].split(".")[2]]
        assert not set("/=&") & set(content["subject"])
        trade = {
            "trade_no": f"2026{uuid.uuid4().int % 10**24:024d}",
            "out_trade_no": content["out_trade_no"],
            "total_amount": content["total_amount"],
            "trade_status": "WAIT_BUYER_PAY",
            "subject": content["subject"],
            "notify_url": fields["notify_url"],
            "refunds": {},
            "created": beijing(),
        }
        return self.trades.setdefault(content["out_trade_no"], trade)

    def pay(self, signed: str, **changes: Any) -> dict[str, Any]:
        """The payer arrives and pays."""
        trade = self.arrive(signed)
        trade.update({"trade_status": "TRADE_SUCCESS", "paid": beijing()} | changes)
        return trade

    def _trade(self, content: dict[str, Any]) -> dict[str, Any]:
        trade = self.trades.get(content.get("out_trade_no", ""))
        if trade is None:
            raise Refusal("ACQ.TRADE_NOT_EXIST")
        return trade

    def do_trade_query(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        trade = self._trade(content)
        found = {name: trade[name] for name in ("trade_no", "out_trade_no", "total_amount", "trade_status", "subject")}
        return found | ({"send_pay_date": trade["paid"]} if "paid" in trade else {"buyer_pay_amount": "0.00"})

    def do_trade_close(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        trade = self._trade(content)
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            raise Refusal("ACQ.REASON_TRADE_STATUS_INVALID")
        trade["trade_status"] = "TRADE_CLOSED"
        return {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}

    # refunds

    def do_trade_refund(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        trade, number = self._trade(content), content["out_request_no"]
        amount = round(float(content["refund_amount"]) * 100)
        if trade["refunds"].get(number, amount) != amount:
            raise Refusal("ACQ.DISCORDANT_REPEAT_REQUEST")
        is_new = number not in trade["refunds"]
        if is_new and trade["trade_status"] != "TRADE_SUCCESS":
            raise Refusal("ACQ.TRADE_HAS_FINISHED" if trade["trade_status"] == "TRADE_FINISHED" else "ACQ.TRADE_STATUS_ERROR")
        if is_new and self.refunded(trade) + amount > round(float(trade["total_amount"]) * 100):
            raise Refusal("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        trade["refunds"][number] = amount
        if self.refunded(trade) == round(float(trade["total_amount"]) * 100):
            trade["trade_status"] = "TRADE_CLOSED"
        named = {name: trade[name] for name in ("trade_no", "out_trade_no")}
        return named | {"fund_change": "Y" if is_new else "N", "refund_fee": f"{self.refunded(trade) / 100:.2f}"}

    def do_trade_fastpay_refund_query(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        trade, number = self._trade(content), content["out_request_no"]
        if number not in trade["refunds"]:
            return {}
        named = {name: trade[name] for name in ("trade_no", "out_trade_no", "total_amount")}
        amount = f"{trade['refunds'][number] / 100:.2f}"
        return named | {"out_request_no": number, "refund_amount": amount, "refund_status": trade.get("refund_status", "REFUND_SUCCESS")}

    @staticmethod
    def refunded(trade: dict[str, Any]) -> int:
        """All that the trade gave back, in cents."""
        return sum(trade["refunds"].values())

    # transfers

    def do_fund_trans_uni_transfer(self, content: dict[str, Any], fields: Fields) -> dict[str, Any]:
        known = self.transfers.get(content["out_biz_no"])
        if known and known["content"] != content:
            raise Refusal("PAYMENT_INFO_INCONSISTENCY")
        if known is None:
            known = self._transfer(content, fields)
        named = {"out_biz_no": content["out_biz_no"], "order_id": known["order_id"], "pay_fund_order_id": known["order_id"]}
        return named | {"status": known["status"], "trans_date": beijing()}

    def _transfer(self, content: dict[str, Any], fields: Fields) -> dict[str, Any]:
        payee, amount = content["payee_info"], round(float(content["trans_amount"]) * 100)
        if "app_cert_sn" not in fields:
            raise Refusal("isv.insufficient-isv-permissions", "40006")
        if (content["product_code"], content["biz_scene"]) != ("TRANS_ACCOUNT_NO_PWD", "DIRECT_TRANSFER") or amount < 10:
            raise Refusal("INVALID_PARAMETER")
        if payee["identity_type"] == "ALIPAY_LOGON_ID" and payee["identity"] not in self.payees:
            raise Refusal("PAYEE_NOT_EXIST")
        if payee["identity_type"] == "ALIPAY_LOGON_ID" and payee["name"] != self.payees[payee["identity"]]:
            raise Refusal("PAYEE_USER_INFO_ERROR")
        if amount > self.balance_cents:
            raise Refusal("PAYER_BALANCE_NOT_ENOUGH")
        self.balance_cents -= amount
        order_id = f"2026{uuid.uuid4().int % 10**20:020d}"
        made = {"content": content, "order_id": order_id, "status": self.transfer_status, "amount": content["trans_amount"]}
        return self.transfers.setdefault(content["out_biz_no"], made)

    def do_fund_trans_common_query(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        known = self.transfers.get(content["out_biz_no"])
        if known is None or (content["product_code"], content["biz_scene"]) != ("TRANS_ACCOUNT_NO_PWD", "DIRECT_TRANSFER"):
            raise Refusal("ORDER_NOT_EXIST")
        found = {"out_biz_no": content["out_biz_no"], "order_id": known["order_id"], "status": known["status"]}
        return found | ({"error_code": known["error_code"], "fail_reason": "失败"} if "error_code" in known else {"pay_date": beijing()})

    # bills

    def do_data_dataservice_bill_downloadurl_query(self, content: dict[str, Any], _fields: Fields) -> dict[str, Any]:
        if content["bill_type"] != "trade" or content["bill_date"] not in self.bills:
            raise Refusal("isp.bill_not_exist")
        return {"bill_download_url": f"http://127.0.0.1:{self.http.server_port}/bill/{content['bill_date']}"}

    def bill(self, day: str) -> None:
        """The bill of `day` is there: every trade with money, every refund."""
        rows = []
        for trade in self.trades.values():
            if "paid" in trade:
                rows.append(self._row(trade, "交易", trade["total_amount"]))
            rows += [self._row(trade, "退款", f"-{cents / 100:.2f}", number) for number, cents in trade["refunds"].items()]
        lines = [
            "#支付宝业务明细查询",
            f"#账号：[{SELLER_ID}0156]",
            "#-----业务明细列表----",
            BILL_HEAD,
            *rows,
            "#-----业务明细列表结束----",
            "#交易合计：,1笔",
        ]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{SELLER_ID}0156_{day}_业务明细.csv", "\r\n".join(lines).encode("gbk"))
            archive.writestr(f"{SELLER_ID}0156_{day}_业务明细(汇总).csv", "#汇总\r\n门店编号,交易订单总笔数\r\n合计,1".encode("gbk"))
        self.bills[day] = packed.getvalue()

    @staticmethod
    def _row(trade: dict[str, Any], kind: str, amount: str, request: str = "") -> str:
        cells = [f"{trade['trade_no']}\t", f"{trade['out_trade_no']}\t", kind, trade["subject"], trade["created"], beijing(), *[""] * 4]
        cells += ["张*(138****0000)", amount, amount, *["0.00"] * 5, "", "0.00", "0.00", f"{request}\t", "-0.06", "0.00", ""]
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        return line.getvalue().strip("\r\n")

    # what Alipay tells us

    def notice(self, trade: dict[str, Any], **changes: Any) -> tuple[bytes, dict[str, str]]:
        """The signed notice of a trade's state; `changes` are part of what is signed, and None leaves a field out."""
        fields = {
            "notify_time": beijing(changes.pop("age_s", 0)),
            "notify_type": "trade_status_sync",
            "notify_id": f"2026{uuid.uuid4().hex[:30]}",
            "app_id": APP_ID,
            "auth_app_id": APP_ID,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": trade["trade_no"],
            "out_trade_no": trade["out_trade_no"],
            "trade_status": trade["trade_status"],
            "total_amount": trade["total_amount"],
            "receipt_amount": trade["total_amount"],
            "buyer_id": "2088102100000000",
            "seller_id": SELLER_ID,
            "subject": trade["subject"],
            "gmt_create": trade["created"],
            "fund_bill_list": '[{"amount":"' + trade["total_amount"] + '","fundChannel":"ALIPAYACCOUNT"}]',
        }
        return self.form(fields | ({"gmt_payment": trade["paid"]} if "paid" in trade else {}), **changes)

    def refund_notice(self, trade: dict[str, Any], request_no: str, **changes: Any) -> tuple[bytes, dict[str, str]]:
        """The signed notice of a refund: `refund_fee` counts all of them."""
        told = {"gmt_refund": f"{beijing()}.123", "refund_fee": f"{self.refunded(trade) / 100:.2f}", "out_biz_no": request_no}
        return self.notice(trade, **(told | changes))

    def transfer_message(self, number: str, status: str, **changes: Any) -> tuple[bytes, dict[str, str]]:
        """A transfer ends, and the application's own gateway address is told."""
        transfer = self.transfers[number]
        transfer.update({"status": status} | ({"error_code": "PAYEE_ACCOUNT_STATUS_ERROR"} if status == "FAIL" else {}))
        content = {"out_biz_no": number, "order_id": transfer["order_id"], "status": status, "trans_amount": transfer["amount"]}
        content |= {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER", "error_code": transfer.get("error_code", "")}
        fields = {
            "msg_method": "alipay.fund.trans.order.changed",
            "notify_id": f"2026{uuid.uuid4().hex[:30]}",
            "app_id": APP_ID,
            "utc_timestamp": str(int(dt.datetime.now().timestamp() * 1000)),
            "version": "1.1",
            "charset": "UTF-8",
            "biz_content": json.dumps(content),
        }
        return self.form(fields, **changes)

    def form(self, fields: Fields, *, key: str = "alipay", **changes: Any) -> tuple[bytes, dict[str, str]]:
        """The form, signed by `key`: body and headers."""
        told = {name: value for name, value in (fields | changes).items() if value is not None}
        told |= {"sign_type": "RSA2"}
        return urlencode(told | {"sign": signature(key_of(key), joined(told, "sign_type"))}, quote_via=quote_plus).encode(), dict(FORM)
