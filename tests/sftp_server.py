"""An SFTP server on loopback over a folder; may drop its connections."""

import os
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "open-sesame"


@contextmanager
def sftp_server(folder):
    """Serve a folder, and yield the URL of its top and a function that drops all connections."""
    paramiko = pytest.importorskip("paramiko", reason="needs paramiko")

    class Login(paramiko.ServerInterface):
        def check_auth_password(self, username, password):
            good = (username, password) == ("anna", PASSWORD)
            return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

        def check_channel_request(self, kind, chanid):
            return paramiko.OPEN_SUCCEEDED

    class Handle(paramiko.SFTPHandle):
        def stat(self):
            return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def answered(call):
        def answer(self, *arguments):
            try:
                found = call(*arguments)
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            return paramiko.SFTP_OK if found is None else found

        return answer

    def real(path):
        return Path(f"{folder}{path}")

    def listed(path):
        found = sorted(real(path).iterdir())
        return [paramiko.SFTPAttributes.from_stat(x.stat(), x.name) for x in found]

    def opened(path, flags, attributes):
        handle = Handle(flags)
        number = os.open(real(path), flags, 0o644)
        mode = {os.O_RDONLY: "rb", os.O_WRONLY: "wb"}.get(flags & os.O_ACCMODE, "rb+")
        handle.readfile = handle.writefile = os.fdopen(number, mode)
        return handle

    def attributes(path):
        return paramiko.SFTPAttributes.from_stat(real(path).stat())

    def rename_file(old, new):
        real(old).replace(real(new))

    class Files(paramiko.SFTPServerInterface):
        list_folder = answered(listed)
        stat = lstat = answered(attributes)
        open = answered(opened)
        remove = answered(lambda path: real(path).unlink())
        rename = posix_rename = answered(rename_file)
        mkdir = answered(lambda path, attributes: real(path).mkdir())
        rmdir = answered(lambda path: real(path).rmdir())

    key = paramiko.RSAKey.generate(2048)
    listener = socket.create_server(("127.0.0.1", 0))
    transports = []

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
            transports.append(transport)
            transport.start_server(event=threading.Event(), server=Login())

    def drop():
        while transports:
            transports.pop().close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"sftp://anna:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}", drop
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        drop()
