"""The screens of requesting. They ask queries and services, and never touch a model."""
