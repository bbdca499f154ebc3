"""SQLAlchemy over psycopg2: reflection of the schema, the ORM, transactions."""
import json
import os

from sqlalchemy import MetaData, create_engine, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

engine = create_engine(URL.create(
    "postgresql+psycopg2", username=os.environ["PGUSER"], password=os.environ["PGPASSWORD"],
    host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), database=os.environ["PGDATABASE"],
), connect_args={"sslmode": "disable"})
metadata = MetaData()
metadata.reflect(engine, views=True)
Base = automap_base(metadata=metadata)
Base.prepare()
with Session(engine) as session:
    customers = session.scalars(select(Base.classes.customers).order_by(Base.classes.customers.id)).all()
    rows = [[one.id, one.email, one.ssn] for one in customers[:1]] * 3
    paged = [one.ssn for one in customers]
    for number in (1, 2, 3):
        session.get(Base.classes.orders, number).status = "asyncpg" if number == 1 else "many"
    session.commit()
    try:
        session.execute(text("DELETE FROM orders"))
        refused, detail = "", ""
    except ProgrammingError as error:
        refused, detail = error.orig.pgcode, error.orig.diag.message_detail
        session.rollback()
    after = session.execute(text("SELECT count(*) FROM orders WHERE status IN ('asyncpg', 'many')")).scalar()
print(json.dumps({"rows": rows, "paged": paged, "refused": refused, "detail": detail, "after": after}))
