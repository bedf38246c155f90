"""Find, load and describe generators: installed ones, and those in a .py file that the user names.

lookup        the generator that a SPEC names
installed     entry points of the group `genbench.generators`
listing       their descriptions, for which few plugins are imported
plugin_files  generators in .py files
code_files    the files of code that decide what a generator does
source_code   options and descriptions read from the code of a plugin, which is not imported
classes       what a generator class must be
description   options, defaults and help of a generator; a plugin file is asked in another process
worker        the process that imports a plugin file to describe it
"""

from genbench.registry.code_files import imported_files as imported_files
from genbench.registry.code_files import installed_files as installed_files
from genbench.registry.description import Description as Description
from genbench.registry.description import describe as describe
from genbench.registry.description import describe_here as describe_here
from genbench.registry.description import plugin_files as plugin_files
from genbench.registry.installed import load_registered as load_registered
from genbench.registry.installed import registered as registered
from genbench.registry.listing import summaries as summaries
from genbench.registry.lookup import create as create
from genbench.registry.lookup import file_spans as file_spans
from genbench.registry.lookup import heavy_imports as heavy_imports
from genbench.registry.lookup import is_available as is_available
from genbench.registry.lookup import provider as provider
from genbench.registry.lookup import resolve as resolve
from genbench.registry.plugin_files import allow_files as allow_files
from genbench.registry.plugin_files import load_file as load_file
