"""Drives the published client, unmodified: one JSON call a line in, one JSON result a line out."""

import json
import sys

from sikkerkey import SikkerKey, SikkerKeyError


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def shown(result):
    if isinstance(result, list):
        return [vars(item) for item in result]
    return result


def told(event):
    say({"event": {"secretId": event.secret_id, "status": event.status.value, "value": event.value, "fields": event.fields}})


def main():
    client = SikkerKey(sys.argv[1])
    client.set_poll_interval(10)
    for line in sys.stdin:
        call = json.loads(line)
        try:
            if call["method"] == "watch":
                client.watch(call["args"][0], told)
                say({"result": None})
            else:
                say({"result": shown(getattr(client, call["method"])(*call["args"]))})
        except SikkerKeyError as error:
            say({"error": type(error).__name__, "status": getattr(error, "http_status", None), "text": str(error)})
    client.close()


main()
