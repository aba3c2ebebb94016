"""Microsoft Graph of the box: the part of v1.0 with which an app registration is made and its roles are given."""
