"""Which firmware a phone shall load: definitions in, at most one step out.

Administrators say by ``Definition`` which version phones of a model shall run and where
its image is, as a table or as the document that they know as ``snom_3xx_fs.xml``
(``document``).  ``Rules`` are what holds for one phone after all overrides;
``decision`` compares them with what the phone runs and takes one step of ``path``, the
order in which images have to be loaded; ``answers`` says it as the phone reads it.
Nothing here looks at a file, a clock or a socket: whether an image exists is asked.
"""
