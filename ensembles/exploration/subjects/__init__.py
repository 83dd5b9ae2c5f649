"""One module for each subject that is looked at; its `Subject` says where on the page it stands.

A module takes the `Material`; gives a `Fact`, or None where the kind of data has nothing to say on it.
"""
