"""All parameters of all commands, for tests of help and of what shells are offered."""


def all_parameters(command, path=""):
    """The command's path without the program, the command and the parameter, of each."""
    for parameter in command.params:
        yield path, command, parameter
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from all_parameters(inner, f"{path} {name}".strip())
            for within in getattr(inner, "within", ()):
                other = command.commands[within]
                yield from all_parameters(other, f"{path} {name} {within}".strip())
