"""Celery tasks that each make a call, in children that end after one task. Broker and results are files."""

import os

from celery import Celery
from celery.signals import worker_process_init

import roark_otel
from roark_otel._engine import endings

endings.CHILD_SECONDS = endings.FIRST_SECONDS = 60  # however slow the machine

folder = os.environ["BROKER"]
app = Celery(
    "tasks", broker="filesystem://", broker_transport_options={"data_folder_in": folder, "data_folder_out": folder}
)
app.conf.update(worker_max_tasks_per_child=1, task_ignore_result=True)


@worker_process_init.connect
def trace(**_arguments):
    roark_otel.configure()


@app.task
def ingest(call_id):
    """Makes the call of a transcript that a webhook brought."""
    with roark_otel.conversation(call_id) as call:
        call.customer_said("Where is my order?")
        call.agent_said("It was shipped.")
    with open(os.path.join(os.environ["DONE"], call_id), "w"):
        pass
