"""Pages on which people make things."""

from django.urls import path

from generation.web import views

urlpatterns = [
    path("create", views.create, name="create"),
    path("create/quote", views.quote, name="create-quote"),
    path("create/uploads", views.upload, name="create-upload"),
    path("create/tasks/<uuid:task_uuid>", views.task_fragment, name="task-fragment"),
    path("tasks/<uuid:task_uuid>", views.task, name="task"),
    path("tasks/<uuid:task_uuid>/cancel", views.cancel, name="task-cancel"),
    path("tasks/<uuid:task_uuid>/retry", views.retry, name="task-retry"),
    path("tasks/<uuid:task_uuid>/late", views.late, name="task-late"),
    path("history", views.history, name="history"),
]
