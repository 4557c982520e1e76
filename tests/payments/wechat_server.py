"""A local server that speaks WeChat Pay v3 as its documents say (pay.weixin.qq.com, merchant documents v3).

The independent half: it signs, verifies, seals and opens with code of its own. Merchants' requests are verified byte by byte, answers
and notices are signed, orders, refunds and transfers live their lives. Tests plan what happens to the next answers (`plans`).
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
import re
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from tests.harness import CrowdServer

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(?P<mchid>\d+)",nonce_str="(?P<nonce>\w+)",signature="(?P<signature>[\w+/=]+)",'
    r'timestamp="(?P<timestamp>\d+)",serial_no="(?P<serial>\w+)"'
)
ORDER_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
BILL_NUMBER = re.compile(r"[0-9A-Za-z]{1,32}")
BILL_HEADING = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
BILL_TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
BAD_ANSWERS = {"signtest", "stale", "unsigned", "foreign_serial", "forged"}
Signed = tuple[bytes, dict[str, str]]


@lru_cache(maxsize=8)
def key(name: str) -> rsa.RSAPrivateKey:
    """A key pair for the whole run: making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(private: rsa.RSAPrivateKey) -> str:
    """The PEM text that a merchant downloads."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@lru_cache(maxsize=2)
def certificate(name: str) -> x509.Certificate:
    """A platform certificate over the key `name`."""
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key(name).public_key())
    made = made.serial_number(int("5157F09EFDC096DE15EBE81A47057A7232F1B8E1", 16)).not_valid_before(now - dt.timedelta(days=1))
    return made.not_valid_after(now + dt.timedelta(days=365)).sign(key(name), hashes.SHA256())


class Refusal(Exception):
    """An error in WeChat Pay's words."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.body = status, {"code": code, "message": message or code}


def need(is_given: object, what: str) -> None:
    """A parameter of another form is refused."""
    if not is_given:
        raise Refusal(400, "PARAM_ERROR", what)


class WechatServer:
    """WeChat Pay, with one merchant. `serial_kind`: `public_key` (PUB_KEY_ID_…) or `certificate` (a hex serial)."""

    def __init__(self, *, serial_kind: str = "public_key") -> None:
        self.mchid, self.appid = "1900009191", "wx00a1b2c3d4e5f607"
        self.cert_serial = "3775B6A45ACD588826D15E583A95F5DD00000001"
        self.apiv3_key = "Local0Key1Of2Thirty3Two4Letters5"
        self.platform, self.merchant = key("platform"), key("merchant")
        by_certificate = serial_kind == "certificate"
        self.serial = f"{certificate('platform').serial_number:X}" if by_certificate else "PUB_KEY_ID_0119000091912024112600000000000001"
        public = self.platform.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.public_pem = (certificate("platform").public_bytes(Encoding.PEM) if by_certificate else public).decode()
        self.orders: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.transfers: dict[str, dict[str, Any]] = {}
        self.bills: dict[str, bytes] = {}
        self.bill_is_ready = True
        self.balance = 10**9
        self.requests: list[tuple[str, str, bytes]] = []
        self.nonces: set[str] = set()
        self.plans: list[str] = []
        self.before_answer: Callable[[str], None] = lambda _number: None
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer leaves in one piece

            def do_POST(self) -> None:
                server.answer(self, "POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def do_GET(self) -> None:
                server.answer(self, "GET", b"")

            def log_message(self, *_: Any) -> None:
                return

        self.http = CrowdServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def base(self) -> str:
        """The address for `WECHATPAY_BASE`."""
        return f"http://127.0.0.1:{self.http.server_port}"

    def settings(self) -> dict[str, str]:
        """What the merchant's server is told."""
        return {
            "WECHATPAY_MCHID": self.mchid,
            "WECHATPAY_APPID": self.appid,
            "WECHATPAY_CERT_SERIAL": self.cert_serial,
            "WECHATPAY_PRIVATE_KEY": pem(self.merchant),
            "WECHATPAY_APIV3_KEY": self.apiv3_key,
            "WECHATPAY_PUBLIC_KEY_ID": self.serial,
            "WECHATPAY_PUBLIC_KEY": self.public_pem,
            "WECHATPAY_BASE": self.base,
        }

    def tell(self, settings: Any) -> None:
        """The platform is configured for this merchant and has a public address."""
        for name, value in self.settings().items():
            setattr(settings, name, value)
        settings.PUBLIC_BASE_URL = "https://shop.example"

    def close(self) -> None:
        """The server is gone."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    # the wire

    def answer(self, handler: BaseHTTPRequestHandler, method: str, body: bytes) -> None:
        """One request, answered as WeChat Pay answers, or as the next plan says."""
        with self.lock:
            self.requests.append((method, handler.path, body))
            plan = self.plans.pop(0) if self.plans else ""
        if plan == "lost_before":
            return self._hang_up(handler)
        status, found = self._result(handler, method, body, plan)
        if plan == "lost":
            return self._hang_up(handler)
        data = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found, ensure_ascii=False).encode()
        headers = self._headers(data, plan)
        if plan == "page":
            status, data, headers = 502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}
        handler.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data)), "Request-ID": secrets.token_hex(8).upper()}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
        return None

    def _result(self, handler: BaseHTTPRequestHandler, method: str, body: bytes, plan: str) -> tuple[int, Any]:
        """`system_error` and `busy` do nothing; `system_error_done` does it and says that it does not know."""
        try:
            if plan == "busy":
                raise Refusal(429, "FREQUENCY_LIMITED")
            if plan == "system_error":
                raise Refusal(500, "SYSTEM_ERROR")
            if plan.startswith("code:"):
                raise Refusal(400, plan.removeprefix("code:"))
            self._verify(handler, method, body)
            result = self._act(method, handler.path, body)
            if plan == "system_error_done":
                raise Refusal(500, "SYSTEM_ERROR")
        except Refusal as error:
            return error.status, error.body
        return result

    def _hang_up(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    def _headers(self, data: bytes, plan: str) -> dict[str, str]:
        signed = self.sign(
            data,
            age_s=301 if plan == "stale" else 0,
            signer=key("stranger") if plan == "forged" else None,
            serial="PUB_KEY_ID_0000000000" if plan == "foreign_serial" else "",
            is_probe=plan == "signtest",
        )
        return {"Content-Type": "application/json; charset=utf-8"} | ({} if plan == "unsigned" else signed)

    def sign(
        self, body: bytes, *, age_s: int = 0, signer: rsa.RSAPrivateKey | None = None, serial: str = "", is_probe: bool = False
    ) -> dict[str, str]:
        """The headers that prove `body`; a probe's signature is wrong on purpose."""
        stamp, nonce = str(int(time.time()) - age_s), secrets.token_hex(16)
        text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode((signer or self.platform).sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + signature[19:] if is_probe else signature,
            "Wechatpay-Serial": serial or self.serial,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def _verify(self, handler: BaseHTTPRequestHandler, method: str, body: bytes) -> None:
        """The merchant signed exactly these bytes, now, with a nonce of its own."""
        found = AUTHORIZATION.fullmatch(handler.headers.get("Authorization", ""))
        if found is None or found["mchid"] != self.mchid or found["serial"] != self.cert_serial:
            raise Refusal(401, "SIGN_ERROR", "no Authorization of this merchant")
        if abs(time.time() - int(found["timestamp"])) > 300 or found["nonce"] in self.nonces:
            raise Refusal(401, "SIGN_ERROR", "an old request")
        self.nonces.add(found["nonce"])
        text = f"{method}\n{handler.path}\n{found['timestamp']}\n{found['nonce']}\n".encode() + body + b"\n"
        try:
            self.merchant.public_key().verify(base64.b64decode(found["signature"]), text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Refusal(401, "SIGN_ERROR", "the signature does not match") from None
        need(handler.headers.get("Accept") == "application/json" and handler.headers.get("User-Agent"), "Accept and User-Agent")
        need(method == "GET" or handler.headers.get("Content-Type", "").startswith("application/json"), "Content-Type")
        need(handler.headers.get("Wechatpay-Serial") == self.serial, "Wechatpay-Serial")

    def _act(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        where, asked = urlsplit(path), json.loads(body) if body else {}
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        routes: list[tuple[str, str, Callable[[str], tuple[int, Any]]]] = [
            ("POST", r"/v3/pay/transactions/(native|jsapi|app|h5)", lambda way: self._order(way, asked)),
            ("GET", r"/v3/pay/transactions/out-trade-no/([^/]+)", lambda number: self._query(number, query)),
            ("POST", r"/v3/pay/transactions/out-trade-no/([^/]+)/close", lambda number: self._close(number, asked)),
            ("POST", r"/v3/refund/domestic/(refunds)", lambda _: self._refund(asked)),
            ("GET", r"/v3/refund/domestic/refunds/([^/]+)", self._query_refund),
            ("POST", r"/v3/fund-app/mch-transfer/(transfer-bills)", lambda _: self._transfer(asked)),
            ("GET", r"/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/([^/]+)", self._query_transfer),
            ("GET", r"/v3/bill/(tradebill)", lambda _: self._bill(query)),
            ("GET", r"/v3/billdownload/(file)", lambda _: (200, gzip.compress(self.bills[query["token"]]))),
        ]
        for verb, pattern, act in routes:
            found = re.fullmatch(pattern, where.path)
            if found and verb == method:
                with self.lock:
                    number, result = found[1], act(found[1])
                self.before_answer(asked.get("out_trade_no") or asked.get("out_refund_no") or asked.get("out_bill_no") or number)
                return result
        raise Refusal(404, "NOT_FOUND", path)

    # orders

    def _order(self, way: str, asked: dict[str, Any]) -> tuple[int, Any]:
        self._judge_order(way, asked)
        number = asked["out_trade_no"]
        known = self.orders.get(number)
        if known is None:
            known = self.orders[number] = {"asked": asked, "way": way, "state": "NOTPAY", "prepay": []}
        if known["state"] == "CLOSED":
            raise Refusal(400, "ORDER_CLOSED")
        if known["state"] != "NOTPAY" or (known["asked"], known["way"]) != (asked, way):
            raise Refusal(403, "OUT_TRADE_NO_USED")
        prepay = f"wx{dt.datetime.now(SHANGHAI):%d%H%M%S}{secrets.token_hex(13)}"
        known["prepay"].append(prepay)
        return 200, {
            "native": {"code_url": f"weixin://wxpay/bizpayurl?pr={prepay[-9:]}"},
            "h5": {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={prepay}&package=1"},
        }.get(way, {"prepay_id": prepay})

    def _judge_order(self, way: str, asked: dict[str, Any]) -> None:
        if (asked.get("appid"), asked.get("mchid")) != (self.appid, self.mchid):
            raise Refusal(400, "APPID_MCHID_NOT_MATCH")
        need(0 < len(str(asked.get("description", "")).encode()) <= 127, "description")
        need(ORDER_NUMBER.fullmatch(asked.get("out_trade_no", "")), "out_trade_no")
        self._judge_notify_url(asked)
        amount = asked.get("amount", {})
        need(type(amount.get("total")) is int and amount["total"] > 0 and amount.get("currency") == "CNY", "amount")
        expire = dt.datetime.fromisoformat(asked["time_expire"]) if "time_expire" in asked else None
        need(expire is None or (expire.tzinfo and expire >= dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)), "time_expire")
        need(len(asked.get("attach", "").encode()) <= 128, "attach")
        need(way != "jsapi" or asked.get("payer", {}).get("openid"), "payer.openid")
        scene = asked.get("scene_info", {})
        need(way != "h5" or (scene.get("payer_client_ip") and scene.get("h5_info", {}).get("type") in ("Wap", "iOS", "Android")), "scene")

    def _judge_notify_url(self, asked: dict[str, Any]) -> None:
        url = urlsplit(asked.get("notify_url") or "")
        need(url.scheme == "https" and url.hostname and not url.query and len(asked["notify_url"]) <= 255, "notify_url")

    def _known(self, table: dict[str, dict[str, Any]], number: str, code: str) -> dict[str, Any]:
        if number not in table:
            raise Refusal(404, code)
        return table[number]

    def _query(self, number: str, query: dict[str, str]) -> tuple[int, Any]:
        need(query.get("mchid") == self.mchid, "mchid")
        self._known(self.orders, number, "ORDER_NOT_EXIST")
        return 200, self.transaction(number)

    def _close(self, number: str, asked: dict[str, Any]) -> tuple[int, Any]:
        need(asked == {"mchid": self.mchid}, "mchid")
        order = self._known(self.orders, number, "ORDER_NOT_EXIST")
        if order["state"] in ("SUCCESS", "REFUND"):
            raise Refusal(400, "ORDERPAID")
        if order["state"] == "CLOSED":
            raise Refusal(400, "ORDER_CLOSED")
        order["state"] = "CLOSED"
        return 204, None

    def transaction(self, number: str, **other: Any) -> dict[str, Any]:
        """The order as WeChat Pay tells it; money only where it was paid. `other` fields lie."""
        order = self.orders[number]
        said = {
            "appid": self.appid,
            "mchid": self.mchid,
            "out_trade_no": number,
            "trade_state": order["state"],
            "trade_state_desc": order["state"].lower(),
            "attach": order["asked"].get("attach", ""),
        }
        if order["state"] in ("SUCCESS", "REFUND"):
            total = order["asked"]["amount"]["total"]
            said |= {
                "transaction_id": order["transaction_id"],
                "trade_type": {"h5": "MWEB"}.get(order["way"], order["way"].upper()),
                "bank_type": "OTHERS",
                "success_time": dt.datetime.now(SHANGHAI).isoformat(timespec="seconds"),
                "payer": {"openid": order["asked"].get("payer", {}).get("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")},
                "amount": {"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"},
                "promotion_detail": [],
            }
        return said | other

    def pay(self, number: str) -> dict[str, Any]:
        """The payer pays; the transaction that results."""
        self.orders[number].update(state="SUCCESS", transaction_id=f"42000{uuid.uuid4().int % 10**23:023d}")
        return self.transaction(number)

    # refunds

    def _refund(self, asked: dict[str, Any]) -> tuple[int, Any]:
        self._judge_notify_url(asked)
        order = self._known(self.orders, asked.get("out_trade_no", ""), "RESOURCE_NOT_EXISTS")
        number, amount = asked["out_refund_no"], asked["amount"]
        need(len(asked.get("reason", "").encode()) <= 80, "reason")
        known = self.refunds.get(number)
        if known is not None:
            if known["asked"] != asked:
                raise Refusal(400, "INVALID_REQUEST", "other parameters for the same number")
            return 200, self.refund_said(number)
        total = order["asked"]["amount"]["total"]
        gone = sum(one["asked"]["amount"]["refund"] for one in self.refunds.values() if one["order"] is order and one["state"] != "CLOSED")
        if order["state"] not in ("SUCCESS", "REFUND") or amount["total"] != total or not 0 < amount["refund"] <= total - gone:
            raise Refusal(400, "INVALID_REQUEST", "not paid, or more than is left")
        if amount["refund"] > self.balance:
            raise Refusal(403, "NOT_ENOUGH")
        order["state"] = "REFUND"
        self.refunds[number] = {"asked": asked, "order": order, "state": "PROCESSING", "id": f"50000{uuid.uuid4().int % 10**23:023d}"}
        return 200, self.refund_said(number)

    def _query_refund(self, number: str) -> tuple[int, Any]:
        self._known(self.refunds, number, "RESOURCE_NOT_EXISTS")
        return 200, self.refund_said(number)

    def refund_said(self, number: str, *, is_notice: bool = False) -> dict[str, Any]:
        """The refund as an answer (`status`) or a notice (`refund_status`, the merchant, no currency) tells it."""
        refund = self.refunds[number]
        asked = refund["asked"]
        money = {"total": asked["amount"]["total"], "refund": asked["amount"]["refund"]}
        money |= {"payer_total": money["total"], "payer_refund": money["refund"]}
        said = {
            "refund_id": refund["id"],
            "out_refund_no": number,
            "transaction_id": refund["order"]["transaction_id"],
            "out_trade_no": asked["out_trade_no"],
            "user_received_account": "招商银行信用卡0403",
        }
        if is_notice:
            return said | {"mchid": self.mchid, "refund_status": refund["state"], "amount": money}
        return said | {"status": refund["state"], "channel": "ORIGINAL", "amount": money | {"currency": "CNY"}}

    def refund_ends(self, number: str, state: str = "SUCCESS") -> Signed:
        """The refund is SUCCESS, ABNORMAL or CLOSED; its notice."""
        self.refunds[number]["state"] = state
        return self.notice(f"REFUND.{state}", self.refund_said(number, is_notice=True), original="refund")

    # transfers

    def _transfer(self, asked: dict[str, Any]) -> tuple[int, Any]:
        need(asked.get("appid") == self.appid and BILL_NUMBER.fullmatch(asked.get("out_bill_no", "")), "out_bill_no")
        need(asked.get("openid") and asked.get("transfer_scene_id") == "1005", "openid, scene")
        need([info["info_type"] for info in asked.get("transfer_scene_report_infos", [])] == ["岗位类型", "报酬说明"], "reports")
        need(0 < len(asked.get("transfer_remark", "")) <= 32, "transfer_remark")
        self._judge_notify_url(asked)
        number, amount = asked["out_bill_no"], asked["transfer_amount"]
        name = self._opened_name(asked)
        need(type(amount) is int and amount > 0 and (name or amount < 200_000) and not (name and amount < 30), "user_name")
        known = self.transfers.get(number)
        plain = {**asked, "user_name": name}
        if known is not None and known["asked"] != plain:
            raise Refusal(400, "ALREADY_EXISTS")
        if known is None:
            if amount > self.balance:
                raise Refusal(403, "NOT_ENOUGH")
            bill = f"13300{uuid.uuid4().int % 10**30:030d}"
            self.transfers[number] = {"asked": plain, "state": "WAIT_USER_CONFIRM", "id": bill, "fail_reason": ""}
        said = self.transfer_said(number)
        package = {"package_info": f"pkg{number}=="} if said["state"] == "WAIT_USER_CONFIRM" else {}
        return 200, {name: said[name] for name in ("out_bill_no", "transfer_bill_no", "create_time", "state")} | package

    def _opened_name(self, asked: dict[str, Any]) -> str:
        if "user_name" not in asked:
            return ""
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        try:
            return self.platform.decrypt(base64.b64decode(asked["user_name"]), oaep).decode()
        except ValueError:
            raise Refusal(400, "PARAM_ERROR", "user_name cannot be opened") from None

    def _query_transfer(self, number: str) -> tuple[int, Any]:
        self._known(self.transfers, number, "NOT_FOUND")
        return 200, self.transfer_said(number) | {"appid": self.appid}

    def transfer_said(self, number: str) -> dict[str, Any]:
        """The transfer as a question's answer or a notice tells it."""
        transfer = self.transfers[number]
        now = dt.datetime.now(SHANGHAI).isoformat(timespec="seconds")
        return {
            "mch_id": self.mchid,
            "out_bill_no": number,
            "transfer_bill_no": transfer["id"],
            "transfer_amount": transfer["asked"]["transfer_amount"],
            "state": transfer["state"],
            "fail_reason": transfer["fail_reason"],
            "openid": transfer["asked"]["openid"],
            "create_time": now,
            "update_time": now,
        }

    def transfer_ends(self, number: str, state: str = "SUCCESS", fail_reason: str = "") -> Signed:
        """The payee confirmed (SUCCESS), or it is over: FAIL with a reason (OVERDUE_CLOSE after a day), CANCELLED; its notice."""
        self.transfers[number].update(state=state, fail_reason=fail_reason)
        said = self.transfer_said(number)
        said["mchid"] = said.pop("mch_id")
        return self.notice("MCHTRANSFER.BILL.FINISHED", said, original="mch_payment")

    # bills

    def _bill(self, query: dict[str, str]) -> tuple[int, Any]:
        need(
            query.get("bill_type") == "ALL" and query.get("tar_type") == "GZIP" and re.fullmatch(r"\d{4}-\d\d-\d\d", query["bill_date"]),
            "bill",
        )
        if not self.bill_is_ready:
            raise Refusal(400, "STATEMENT_CREATING")
        rows = [*self._bill_payments(), *self._bill_refunds()]
        if not rows:
            raise Refusal(400, "NO_STATEMENT_EXIST")
        totals = ",".join(["`" + str(len(rows)), *(["`0.00"] * 6)])
        token = secrets.token_hex(8)
        self.bills[token] = "\r\n".join(["\ufeff" + BILL_HEADING, *rows, BILL_TOTALS, totals, ""]).encode()
        digest = hashlib.sha1(self.bills[token]).hexdigest()
        url = f"https://api.mch.weixin.qq.com/v3/billdownload/file?token={token}"
        return 200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    def _row(self, order: dict[str, Any], **more: str) -> str:
        asked = order["asked"]
        values = dict.fromkeys(BILL_HEADING.split(","), "") | {
            "交易时间": "2026-11-20 12:00:00",
            "公众账号ID": self.appid,
            "商户号": self.mchid,
            "微信订单号": order["transaction_id"],
            "商户订单号": asked["out_trade_no"],
            "交易类型": order["way"].upper(),
            "货币种类": "CNY",
            "微信退款单号": "0",
            "商户退款单号": "0",
            "商品名称": asked["description"],
            "商户数据包": asked.get("attach", ""),
            "费率": "0.60%",
        }
        return ",".join(f"`{value}" for value in (values | more).values())

    def _bill_payments(self) -> list[str]:
        paid = [order for order in self.orders.values() if order["state"] in ("SUCCESS", "REFUND")]
        return [
            self._row(order, 交易状态="SUCCESS", 订单金额=_yuan(order["asked"]["amount"]["total"]), 申请退款金额="0.00") for order in paid
        ]

    def _bill_refunds(self) -> list[str]:
        return [
            self._row(
                refund["order"],
                交易状态="REFUND",
                微信退款单号=refund["id"],
                商户退款单号=number,
                退款状态="FAIL" if refund["state"] == "CLOSED" else refund["state"],
                订单金额="0.00",
                申请退款金额=_yuan(refund["asked"]["amount"]["refund"]),
            )
            for number, refund in self.refunds.items()
        ]

    # notices

    def notice(
        self,
        kind: str,
        resource: dict[str, Any],
        *,
        original: str = "transaction",
        notice_id: str = "",
        apiv3_key: str = "",
        bound: str | None = None,
        **how: Any,
    ) -> Signed:
        """A sealed and signed notice: body and headers (lower case). `how`: as `sign`; `bound`: associated data, which may be empty."""
        nonce, extra = secrets.token_hex(6), original if bound is None else bound
        plain = json.dumps(resource, ensure_ascii=False).encode()
        sealed = AESGCM((apiv3_key or self.apiv3_key).encode()).encrypt(nonce.encode(), plain, extra.encode())
        event = {
            "id": notice_id or str(uuid.uuid4()),
            "create_time": dt.datetime.now(SHANGHAI).isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": kind,
            "summary": "支付成功",
            "resource": {
                "original_type": original,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "nonce": nonce,
                "associated_data": extra,
            },
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = self.sign(body, **how) | {"Content-Type": "application/json"}
        return body, {name.lower(): value for name, value in headers.items()}

    def paid(self, number: str, **how: Any) -> Signed:
        """The notice of a payment; pays first where nobody has."""
        if self.orders[number]["state"] == "NOTPAY":
            self.pay(number)
        return self.notice("TRANSACTION.SUCCESS", self.transaction(number), **how)

    @staticmethod
    def send(url: str, signed: Signed) -> int:
        """The notice goes to `url`; the status that came back (WeChat Pay repeats after anything but 200 and 204)."""
        body, headers = signed
        with urlopen(Request(url, body, headers, method="POST"), timeout=30) as response:
            return int(response.status)


def _yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
