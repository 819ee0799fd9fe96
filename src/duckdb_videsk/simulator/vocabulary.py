"""The words of the synthetic account: the people, places and sentences of a Chilean video contact centre."""

from __future__ import annotations

from typing import Final

__all__ = [
    "AGENTS",
    "AGENT_COMMENTS",
    "ANNOTATIONS",
    "CANCELED_BY",
    "CANCEL_REASONS",
    "CITIES",
    "CLIENTS",
    "DEVICES",
    "LANGUAGES",
    "PROVIDERS",
    "PURPOSES",
    "QUEUE_REASONS",
    "SEGMENTS",
    "SENTIMENTS",
    "SERVICES",
    "SURVEY_COMMENTS",
    "TAGS",
    "TOPICS",
    "URLS",
]

AGENTS: Final = (
    "Camila Rojas",
    "Matías González",
    "Valentina Muñoz",
    "Benjamín Díaz",
    "Fernanda Pérez",
    "Vicente Soto",
    "Catalina Contreras",
    "Joaquín Silva",
    "Antonia Martínez",
    "Diego Sepúlveda",
    "Javiera Morales",
    "Tomás Rodríguez",
    "Constanza López",
    "Sebastián Araya",
    "Francisca Fuentes",
    "Cristóbal Hernández",
    "Daniela Torres",
    "Felipe Espinoza",
    "Isidora Flores",
    "Nicolás Castillo",
    "Macarena Valenzuela",
    "Ignacio Castro",
    "Paula Reyes",
    "Rodrigo Gutiérrez",
    "Carolina Vargas",
    "Pablo Álvarez",
    "Josefa Vásquez",
    "Andrés Tapia",
    "Trinidad Sánchez",
    "Gabriel Fernández",
    "Bárbara Carrasco",
    "Claudio Cortés",
    "Natalia Núñez",
    "Álvaro Jara",
    "Rocío Vergara",
    "Esteban Riquelme",
    "Lorena Figueroa",
    "Hernán Bravo",
    "Ximena Miranda",
    "Gonzalo Ñancupil",
    "Marcela Huenchumilla",
    "Raúl O'Higgins",
)

CLIENTS: Final = (
    "María Paz Salinas",
    "Juan Carlos Vera",
    "Rosa Elena Cárdenas",
    "Luis Alberto Pizarro",
    "Ana María Leiva",
    "Jorge Olivares",
    "Patricia Godoy",
    "Manuel Sandoval",
    "Verónica Bustos",
    "Héctor Yáñez",
    "Sandra Poblete",
    "Ricardo Saavedra",
    "Gloria Maldonado",
    "Sergio Aguilera",
    "Elizabeth Peña",
    "Óscar Zúñiga",
    "Mónica Lagos",
    "Víctor Orellana",
    "Carmen Gloria Ibáñez",
    "Eduardo Palma",
)

SEGMENTS: Final = (
    "Ventas",
    "Ventas",
    "Soporte técnico",
    "Soporte técnico",
    "Soporte técnico",
    "Posventa",
    "Cobranza",
    "Sucursal virtual",
    "Sucursal virtual",
    "Clientes empresa",
    "Lengua de señas",
)

TAGS: Final = (
    ("consulta-saldo", "Consulta de saldo"),
    ("reclamo", "Reclamo"),
    ("venta-cerrada", "Venta cerrada"),
    ("cambio-plan", "Cambio de plan"),
    ("boleta", "Boleta o factura"),
    ("falla-servicio", "Falla del servicio"),
    ("retencion", "Retención"),
    ("despacho", "Despacho atrasado"),
    ("garantia", "Garantía"),
    ("sin-solucion", "Sin solución"),
    ("derivado", "Derivado a sucursal"),
    ("vip", 'Cliente "VIP"'),
)

AGENT_COMMENTS: Final = (
    "Cliente solicita copia de su última boleta.",
    "Se explica el cobro del mes y queda conforme.",
    "Queda pendiente llamar de vuelta el lunes; prefiere por la tarde.",
    "Reclamo por despacho atrasado, se ingresa caso.",
    'Cliente dice: "nadie me contesta". Se ofrecen disculpas y se deriva a supervisor.',
    "Se corta la videollamada antes de terminar, se reintenta sin éxito.",
    "Contrata plan familiar.\nSe envía contrato por correo.",
    "No trae su cédula; se agenda nueva cita.",
    "Felicita la atención 👏",
    "Equipo con falla de fábrica, se gestiona cambio por garantía.",
    "Consulta por sucursal más cercana en Ñuñoa.",
    "Actualiza sus datos de contacto.",
)

SURVEY_COMMENTS: Final = (
    "Muy buena atención",
    "Rápido y amable",
    "Tuve que esperar mucho",
    "Se escuchaba entrecortado",
    "Excelente, gracias",
    "No resolvieron mi problema",
    "La ejecutiva fue muy paciente",
    "Todo bien",
    "Prefiero ir a la sucursal",
    "Ojalá atendieran los domingos",
    "10/10 👍",
    "El video se congeló dos veces",
)

ANNOTATIONS: Final = (
    "Se valida identidad con cédula.",
    "Cliente recurrente.",
    "Requiere seguimiento en 48 horas.",
    "Sin observaciones.",
    "Ofrecer descuento en la próxima renovación.",
    "Se deja ticket abierto.",
)

PURPOSES: Final = (
    "Consulta",
    "Reclamo",
    "Contratación",
    "Baja de servicio",
    "Soporte",
    "Pago",
    "Cambio de titular",
    "Otro",
)

QUEUE_REASONS: Final = (
    "Cliente abandona la espera",
    "Tiempo de espera agotado",
    "Cliente cierra la ventana",
    "Sin agentes disponibles",
)

SERVICES: Final = (
    "Asesoría de productos",
    "Firma de contrato",
    "Soporte remoto",
    "Evaluación de crédito",
    "Orientación previsional",
)

CANCEL_REASONS: Final = (
    "No puedo asistir",
    "Ya resolví mi consulta",
    "Problemas de conexión",
    "Reagendada a solicitud del cliente",
)

CANCELED_BY: Final = ("client", "client", "agent", "system")

TOPICS: Final = (
    "Facturación",
    "Despacho y entregas",
    "Fallas técnicas",
    "Precios y promociones",
    "Cambio de plan",
    "Garantías",
    "Atención recibida",
    "Medios de pago",
    "Contratos",
    "Datos personales",
    "Portabilidad",
    "Horarios y sucursales",
)

SENTIMENTS: Final = ("Muy negativo", "Negativo", "Neutral", "Positivo", "Muy positivo")

# City, region, region code, latitude, longitude; the capital weighs most.
CITIES: Final = (
    ("Santiago", "Región Metropolitana", "RM", -33.4489, -70.6693),
    ("Santiago", "Región Metropolitana", "RM", -33.4372, -70.6506),
    ("Puente Alto", "Región Metropolitana", "RM", -33.6117, -70.5758),
    ("Maipú", "Región Metropolitana", "RM", -33.5111, -70.7580),
    ("Ñuñoa", "Región Metropolitana", "RM", -33.4569, -70.5979),
    ("Las Condes", "Región Metropolitana", "RM", -33.4117, -70.5836),
    ("Viña del Mar", "Valparaíso", "VS", -33.0245, -71.5518),
    ("Valparaíso", "Valparaíso", "VS", -33.0472, -71.6127),
    ("Concepción", "Biobío", "BI", -36.8201, -73.0444),
    ("Talcahuano", "Biobío", "BI", -36.7249, -73.1168),
    ("Temuco", "La Araucanía", "AR", -38.7359, -72.5904),
    ("Antofagasta", "Antofagasta", "AN", -23.6509, -70.3975),
    ("La Serena", "Coquimbo", "CO", -29.9027, -71.2520),
    ("Rancagua", "O'Higgins", "LI", -34.1708, -70.7444),
    ("Puerto Montt", "Los Lagos", "LL", -41.4689, -72.9411),
    ("Punta Arenas", "Magallanes", "MA", -53.1638, -70.9171),
)

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

# Operating system, its version, browser, its version, device, user agent.
DEVICES: Final = (
    (
        "Android",
        "14",
        "Chrome",
        "126.0.0.0",
        "mobile",
        f"Mozilla/5.0 (Linux; Android 14; SM-A546E) {_WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36",
    ),
    (
        "Android",
        "13",
        "Chrome",
        "124.0.0.0",
        "mobile",
        f"Mozilla/5.0 (Linux; Android 13; moto g84) {_WEBKIT} Chrome/124.0.0.0 Mobile Safari/537.36",
    ),
    (
        "iOS",
        "17.5",
        "Mobile Safari",
        "17.5",
        "mobile",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_APPLE} Version/17.5 Mobile/15E148",
    ),
    (
        "Windows",
        "10",
        "Chrome",
        "126.0.0.0",
        "desktop",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36",
    ),
    (
        "Windows",
        "10",
        "Edge",
        "125.0.0.0",
        "desktop",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/125.0.0.0 Safari/537.36 Edg/125.0.0.0",
    ),
    (
        "Windows",
        "11",
        "Firefox",
        "127.0",
        "desktop",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    ),
    (
        "Mac OS",
        "14.5",
        "Safari",
        "17.5",
        "desktop",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Version/17.5 Safari/605.1.15",
    ),
    (
        "iOS",
        "16.7",
        "Mobile Safari",
        "16.6",
        "tablet",
        f"Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) {_APPLE} Version/16.6 Mobile/15E148",
    ),
)

LANGUAGES: Final = (
    ("es-CL", "Español (Chile)", "Spanish"),
    ("es", "Español", "Spanish"),
    ("es-419", "Español (Latinoamérica)", "Spanish"),
    ("en-US", "English (US)", "English"),
)

PROVIDERS: Final = (
    ("Movistar Chile", "movistar.cl"),
    ("Entel Chile S.A.", "entel.cl"),
    ("VTR Banda Ancha S.A.", "vtr.net"),
    ("Claro Chile S.A.", "clarochile.cl"),
    ("WOM S.A.", "wom.cl"),
    ("Telefónica del Sur S.A.", "telsur.cl"),
)

URLS: Final = (
    "https://www.ejemplo.cl/atencion",
    "https://www.ejemplo.cl/sucursal-virtual?utm_source=web",
    "https://www.ejemplo.cl/ayuda/contacto",
    "https://app.ejemplo.cl/",
)
