import java.sql.*;
import java.util.*;

/** JDBC: a statement is prepared on the server at its fifth run and executed without a Describe from then on. */
public class Client {
    static String quote(String text) {
        return text == null ? "null" : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }

    public static void main(String[] arguments) throws SQLException {
        Map<String, String> env = System.getenv();
        String url = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE") + "?sslmode=disable";
        try (Connection connection = DriverManager.getConnection(url, env.get("PGUSER"), env.get("PGPASSWORD"))) {
            List<String> rows = new ArrayList<>();
            try (PreparedStatement one = connection.prepareStatement("SELECT id, email, ssn FROM customers WHERE id = ?")) {
                for (int run = 0; run < 8; run++) {
                    one.setInt(1, 1);
                    try (ResultSet result = one.executeQuery()) {
                        result.next();
                        String row = "[" + result.getInt(1) + "," + quote(result.getString(2)) + "," + quote(result.getString(3)) + "]";
                        if (run < 2 || run == 7) rows.add(row);
                    }
                }
            }
            connection.setAutoCommit(false);
            List<String> paged = new ArrayList<>();
            try (PreparedStatement all = connection.prepareStatement("SELECT ssn FROM customers ORDER BY id")) {
                all.setFetchSize(1);
                try (ResultSet result = all.executeQuery()) {
                    while (result.next()) paged.add(quote(result.getString(1)));
                }
            }
            try (PreparedStatement update = connection.prepareStatement("UPDATE orders SET status = ? WHERE id = ?")) {
                for (int id = 1; id <= 3; id++) {
                    update.setString(1, id == 1 ? "asyncpg" : "many");
                    update.setInt(2, id);
                    update.addBatch();
                }
                update.executeBatch();
            }
            connection.commit();
            connection.setAutoCommit(true);
            String refused = "", detail = "";
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("DELETE FROM orders");
            } catch (SQLException error) {
                refused = error.getSQLState();
                detail = ((org.postgresql.util.PSQLException) error).getServerErrorMessage().getDetail();
            }
            connection.getMetaData().getColumns(null, "public", "customers", "%").close();
            try (Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery("SELECT count(*) FROM orders WHERE status IN ('asyncpg', 'many')")) {
                result.next();
                System.out.println("{\"rows\":[" + String.join(",", rows) + "],\"paged\":[" + String.join(",", paged) + "],\"refused\":" + quote(refused)
                        + ",\"detail\":" + quote(detail) + ",\"after\":" + result.getLong(1) + "}");
            }
        }
    }
}
