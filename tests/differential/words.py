"""View names and labels of each language, typed out once more: Spanish from the vendor's list, the others as shipped.

`KLINGON` is a user's own language, with the awkward characters that a user may put into a label.
"""

from __future__ import annotations

__all__ = ["KLINGON", "LANGUAGES", "VIEWS"]

VIEWS = {
    "es": [
        "llamadas",
        "filas",
        "metadatos",
        "comentarios",
        "etiquetas",
        "reuniones",
        "grabaciones",
        "topicos_ia",
        "sentimientos_ia",
        "formularios",
        "encuestas",
    ],
    "en": [
        "calls",
        "queues",
        "metadata",
        "comments",
        "tags",
        "appointments",
        "recordings",
        "ai_topics",
        "ai_sentiments",
        "forms",
        "surveys",
    ],
    "pt": [
        "chamadas",
        "filas",
        "metadados",
        "comentarios",
        "etiquetas",
        "agendamentos",
        "gravacoes",
        "topicos_ia",
        "sentimentos_ia",
        "formularios",
        "pesquisas",
    ],
    "tlh": [
        "calls",
        "queues",
        "metadata",
        "comments",
        "tags",
        "appointments",
        "recordings",
        "ai_topics",
        "ai_sentiments",
        "forms",
        "surveys",
    ],
}


def _labels(text: str) -> dict[str, str]:
    pairs = (line.split(" = ") for line in text.strip().splitlines())
    return {key.strip(): label.strip() for key, label in pairs}


SPANISH = _labels("""
    id = Identificador
    segment = Segmento
    agent = Agente
    call = Llamada
    appointment = Cita
    queue = Fila
    createdAt = Fecha
    startTime = Inicio
    endTime = Fin
    duration = Duración
    extraData = Meta Data
    canceled = Abandonada
    assigned = Asignada
    dismissed = Rechazada
    canceledReason = Razón Cancelación
    customerLeave = Cliente cortó
    survey = Encuesta
    comments = Comentarios
    tags = Etiquetas
    transferredAgent = Transferido a agente
    transferredSegment = Transferido a segmento
    disconnections = Desconexiones
    connections = Conexiones
    userAgent = Usuario agente
    osName = Sistema operativo (nombre)
    osVersion = Sistema operativo (version)
    browserName = Navegador (nombre)
    browserVersion = Navegador (version)
    ip = IP
    ipType = Tipo IP
    referrer = Referido
    timezone = Zona horaria
    langCode = Idioma (code)
    langNative = Idioma
    langName = Idioma (nombre)
    carrierName = ISP
    carrierDomain = ISP (domain)
    continentName = Continente (nombre)
    continentCode = Continente (code)
    countryName = País
    countryCode = País (code)
    regionName = Region
    regionCode = Region (code)
    cityName = Ciudad
    coordinates = Coordenadas
    deviceType = Dispositivo
    agentForm = ID formulario agente
    surveyId = ID Encuesta
    baseForm = ID formulario cliente
    url = URL
    tagName = ID Etiqueta
    tagLabel = Nombre Etiqueta
    createdBy = Creado por
    consent = Fecha de consentimiento del cliente
    sentimentText = Texto del Sentimiento
    sentimentNumber = Número del Sentimiento
    requestedAt = Solicitado en
    topicName = Nombre del Topico
    topicScore = Puntuación del Topico
    form = Formulario
    answers = Respuestas
    _unmapped = Otros datos
""")

ENGLISH = _labels("""
    id = ID
    segment = Segment
    agent = Agent
    call = Call
    appointment = Appointment
    queue = Queue entry
    createdAt = Created
    startTime = Start
    endTime = End
    duration = Duration
    extraData = Metadata
    canceled = Abandoned
    assigned = Assigned
    dismissed = Dismissed
    canceledReason = Cancellation reason
    customerLeave = Customer left
    survey = Survey
    comments = Comments
    tags = Tags
    transferredAgent = Transferred to agent
    transferredSegment = Transferred to segment
    disconnections = Disconnections
    connections = Connections
    userAgent = User agent
    osName = Operating system
    osVersion = Operating system version
    browserName = Browser
    browserVersion = Browser version
    ip = IP
    ipType = IP type
    referrer = Referrer
    timezone = Time zone
    langCode = Language code
    langNative = Language (native name)
    langName = Language
    carrierName = Internet provider
    carrierDomain = Internet provider domain
    continentName = Continent
    continentCode = Continent code
    countryName = Country
    countryCode = Country code
    regionName = Region
    regionCode = Region code
    cityName = City
    coordinates = Coordinates
    deviceType = Device
    agentForm = Agent form ID
    surveyId = Survey ID
    baseForm = Customer form ID
    url = URL
    tagName = Tag ID
    tagLabel = Tag name
    createdBy = Created by
    consent = Customer consent date
    sentimentText = Sentiment
    sentimentNumber = Sentiment score
    requestedAt = Requested
    topicName = Topic
    topicScore = Topic score
    After Call Work (ACW) = After-call work
    Effective Duration = Effective duration
    Integration Data = Integration data
    Cancellation Date = Cancelled at
    Canceled By = Cancelled by
    Rescheduled Appointment ID = Rescheduled appointment ID
    Entity Type = Entity type
    form = Form
    answers = Answers
    _unmapped = Other data
""")

PORTUGUESE = _labels("""
    id = Identificador
    segment = Segmento
    agent = Agente
    call = Chamada
    appointment = Agendamento
    queue = Fila
    createdAt = Data
    startTime = Início
    endTime = Fim
    duration = Duração
    extraData = Metadados
    canceled = Abandonada
    assigned = Atribuída
    dismissed = Rejeitada
    canceledReason = Motivo do cancelamento
    customerLeave = Cliente saiu
    survey = Pesquisa
    comments = Comentários
    tags = Etiquetas
    transferredAgent = Transferida para agente
    transferredSegment = Transferida para segmento
    disconnections = Desconexões
    connections = Conexões
    userAgent = Agente de usuário
    osName = Sistema operacional
    osVersion = Versão do sistema operacional
    browserName = Navegador
    browserVersion = Versão do navegador
    ip = IP
    ipType = Tipo de IP
    referrer = Origem
    timezone = Fuso horário
    langCode = Código do idioma
    langNative = Idioma (nome nativo)
    langName = Idioma
    carrierName = Provedor de internet
    carrierDomain = Domínio do provedor
    continentName = Continente
    continentCode = Código do continente
    countryName = País
    countryCode = Código do país
    regionName = Região
    regionCode = Código da região
    cityName = Cidade
    coordinates = Coordenadas
    deviceType = Dispositivo
    agentForm = ID do formulário do agente
    surveyId = ID da pesquisa
    baseForm = ID do formulário do cliente
    url = URL
    tagName = ID da etiqueta
    tagLabel = Nome da etiqueta
    createdBy = Criado por
    consent = Data do consentimento do cliente
    sentimentText = Sentimento
    sentimentNumber = Pontuação do sentimento
    requestedAt = Solicitado em
    topicName = Tópico
    topicScore = Pontuação do tópico
    After Call Work (ACW) = Pós-atendimento
    Effective Duration = Duração efetiva
    Integration Data = Dados de integração
    Service = Serviço
    Type = Tipo
    Status = Situação
    Cancellation Date = Data do cancelamento
    Canceled By = Cancelado por
    Rescheduled Appointment ID = ID do reagendamento
    Entity Type = Tipo de entidade
    GPS accuracy = Precisão do GPS
    form = Formulário
    answers = Respostas
    _unmapped = Outros dados
""")

KLINGON = {
    "agent": "Sa'",
    "segment": 'ghom "x"',
    "startTime": "tagh; DROP TABLE x --",
    "endTime": "van\tDaq",
    "duration": "poH {s}",
    "id": "%s $1 ?",
    "topicName": "qech",
}

LANGUAGES = {"es": SPANISH, "en": ENGLISH, "pt": PORTUGUESE, "tlh": KLINGON}
