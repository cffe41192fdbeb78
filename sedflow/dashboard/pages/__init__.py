"""The pages of the app, each named by its key in the address."""
