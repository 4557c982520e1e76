"""The books' functions and triggers, from credits/sql/."""

from django.db import migrations

from credits.migrations._functions import functions_anew

FILES = ("refuse", "journal", "guard", "price", "limit", "spend", "transfer", "hold", "grant", "digest")
"""They are made before the tables of later migrations: what names those must be plpgsql, which looks when it runs."""


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial"), ("accounts", "0001_initial")]
    operations = [functions_anew(FILES)]
